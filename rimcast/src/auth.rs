//! What an encoder's request shows of itself.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use packager_core::ingest::Credentials;

/// Reads the headers of a request from `peer`.
pub(crate) fn credentials(peer: IpAddr, headers: &HeaderMap) -> Credentials<'_> {
    Credentials {
        authorization: headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()),
        key: headers.get(Credentials::KEY).and_then(|value| value.to_str().ok()),
        from_loopback: peer.to_canonical().is_loopback(),
        relayed: Credentials::RELAYED.iter().any(|name| headers.contains_key(*name)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn this_machine_and_who_speaks_for_others() {
        let none = HeaderMap::new();
        for local in [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            Ipv6Addr::LOCALHOST.into(),
            Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(),
        ] {
            assert!(credentials(local, &none).from_loopback);
        }
        let remote = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
        assert!(!credentials(remote, &none).from_loopback);
        for relayed in Credentials::RELAYED {
            let headers = [(relayed.parse().unwrap(), "x".parse().unwrap())].into_iter().collect();
            assert!(credentials(remote, &headers).relayed, "{relayed}");
        }
    }
}
