//! Where broadcasts are: a folder, or a bucket.

use std::path::PathBuf;

use clap::Args;
use ingest_lambda::store::FolderStore;
#[cfg(feature = "s3")]
use ingest_lambda::store::{S3Settings, S3Store};
use ingest_lambda::{Asked, Native, Operator, Settings};
use packager_core::operator::Answer;

/// Where broadcasts are.
#[derive(Args)]
pub(super) struct Place {
    /// Where the broadcasts are: a folder, as of `rimcast serve`, or s3://BUCKET/PREFIX [default: ./rimcast-data]
    ///
    /// Of S3 the credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the region is AWS_REGION.
    #[arg(long, env = "RIMCAST_DATA", value_name = "PLACE", global = true)]
    data: Option<String>,

    /// Where the bucket is, if it is not in AWS: https://ACCOUNT.r2.cloudflarestorage.com for R2
    #[arg(long, env = "RIMCAST_S3_ENDPOINT", value_name = "URL", global = true)]
    endpoint: Option<String>,
}

/// A place that can be used.
pub(super) struct Bucket {
    place: String,
    settings: Settings,
    kind: Kind,
}

enum Kind {
    Folder(Operator<FolderStore, (), Native>),
    #[cfg(feature = "s3")]
    S3(Operator<S3Store, (), Native>),
}

impl Bucket {
    /// Opens a place.
    pub(super) fn open(place: &Place) -> Result<Self, String> {
        let data = place.data.as_deref().unwrap_or("./rimcast-data");
        let settings = Settings::default();
        let kind = match data.strip_prefix("s3://") {
            Some(bucket) => s3(bucket, place.endpoint.as_deref(), settings)?,
            None if place.endpoint.is_some() => {
                return Err(format!(
                    "--endpoint is for buckets, and {data} is a folder; say --data s3://BUCKET"
                ));
            }
            None => {
                let folder = PathBuf::from(data);
                if !folder.is_dir() {
                    return Err(format!(
                        "there is no folder {data}; say with --data where the broadcasts are (mkdir it, if it is to be a \
                         new place)"
                    ));
                }
                let store =
                    FolderStore::open(folder).map_err(|why| format!("{data} cannot be used: {why}"))?;
                Kind::Folder(Operator::new(store, (), settings, usize::MAX))
            }
        };
        Ok(Self { place: data.to_owned(), settings, kind })
    }

    /// As it was said.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// How media is cut where nothing is said of it.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Does what is asked.
    pub(super) async fn answer(&self, asked: &Asked<'_>) -> Answer {
        match &self.kind {
            Kind::Folder(operator) => operator.answer(asked).await,
            #[cfg(feature = "s3")]
            Kind::S3(operator) => operator.answer(asked).await,
        }
    }
}

#[cfg(feature = "s3")]
fn s3(bucket: &str, endpoint: Option<&str>, settings: Settings) -> Result<Kind, String> {
    let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
    let read = S3Settings::from_env(|name| match name {
        "RIMCAST_BUCKET" => Some(bucket.to_owned()),
        "RIMCAST_PREFIX" => Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()),
        "RIMCAST_S3_ENDPOINT" => endpoint.map(str::to_owned),
        _ => std::env::var(name).ok(),
    });
    let store = S3Store::new(&read.map_err(|why| why.to_string())?);
    Ok(Kind::S3(Operator::new(store, (), settings, usize::MAX)))
}

#[cfg(not(feature = "s3"))]
fn s3(_: &str, _: Option<&str>, _: Settings) -> Result<Kind, String> {
    Err("this rimcast was built without S3; build it with its default features".to_owned())
}
