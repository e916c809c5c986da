import cf from 'cloudfront';

// The viewer request function of CloudFront (runtime cloudfront-js-2.0): one spelling for each URL, so that the cache holds
// one copy and joins requests that mean the same. It is `edge::canonical` of packager-core, and tested with its cases.

// Delivery directives of HLS, and what a patch of an MPD starts from, in the order in which URLs have them.
const DIRECTIVES = ['_HLS_msn', '_HLS_part', '_HLS_skip'];
const PATCH = ['from', 'at', 'of'];
// Which part of a broadcast its multivariant playlist, or its MPD, is to show.
const VIEW = ['start', 'end', 'delay'];

// /{broadcast}/{generation}/{track}/{session}-{msn}.m4s: the only path whose answer may be long, or grow.
const SEGMENT = /^\/[^\/]+\/[^\/]+\/[^\/]+\/[^\/]+-[0-9]+\.m4s$/;

// An origin of the distribution, see distribution.tf.
const SEGMENTS = 'segments';

// Asked before a script of another page may send a Range or CMCD headers; answered as packager-core does.
const PREFLIGHT = {
    'access-control-allow-origin': { value: '*' },
    'access-control-expose-headers': { value: 'Age, Content-Length, Content-Range, Date, Retry-After' },
    'cache-control': { value: 'max-age=86400' },
    'access-control-allow-methods': { value: 'GET, HEAD, OPTIONS' },
    'access-control-allow-headers': { value: 'Range, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status' },
    'access-control-max-age': { value: '86400' },
};

function meaningful(uri) {
    if (uri.endsWith('.m3u8')) {
        // What is of all tracks stands right under the broadcast's name.
        return uri.split('/').length === 3 ? VIEW : DIRECTIVES;
    }
    if (uri.endsWith('.mpd')) {
        return VIEW;
    }
    return uri.endsWith('.mpp') ? PATCH : [];
}

function handler(event) {
    const request = event.request;
    if (request.method === 'OPTIONS') {
        return { statusCode: 204, statusDescription: 'No Content', headers: PREFLIGHT };
    }
    const kept = {};
    meaningful(request.uri).forEach((name) => {
        // What stands twice stays twice, in its order, and is refused as what it is.
        if (name in request.querystring) {
            kept[name] = request.querystring[name];
        }
    });
    request.querystring = kept;
    if (SEGMENT.test(request.uri)) {
        cf.selectRequestOriginById(SEGMENTS);
    }
    return request;
}
