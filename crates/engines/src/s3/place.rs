//! From the settings of an object store to a client of it.

use crate::engine::ObjectPlace;
use lenticular_base::{Fault, FaultKind};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum, S3ConditionalPut};
use object_store::path::Path;
use object_store::{BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// How long a connection may take to come about, and one request until its answer is whole.
const CONNECT: Duration = Duration::from_secs(3);
const REQUEST: Duration = Duration::from_secs(60);

/// What is not read from the environment: a log or an address there would change what the settings say.
const OURS: [AmazonS3ConfigKey; 6] = [
    AmazonS3ConfigKey::Bucket,
    AmazonS3ConfigKey::VirtualHostedStyleRequest,
    AmazonS3ConfigKey::ConditionalPut,
    AmazonS3ConfigKey::Checksum,
    AmazonS3ConfigKey::UnsignedPayload,
    AmazonS3ConfigKey::SkipSignature,
];

fn wrong(words: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Unsupported, "objects-address", words)
}

/// Bucket and prefix of `s3://bucket/prefix`.
pub fn split(url: &str) -> Result<(String, Path), Fault> {
    let rest = url
        .strip_prefix("s3://")
        .ok_or_else(|| wrong("The address of an object store is s3://bucket/prefix; see blobs.url."))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let fits = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    if !fits {
        return Err(wrong(
            "blobs.url names no bucket: 3 to 63 of a-z, 0-9, dot and hyphen, as in s3://bucket/prefix.",
        ));
    }
    let prefix = prefix.trim_end_matches('/');
    let path = Path::parse(prefix).map_err(|error| {
        wrong("The prefix in blobs.url is no path: it has empty, dot or forbidden parts.").caused_by(error)
    })?;
    Ok((bucket.to_owned(), path))
}

/// A client for the place, and the prefix under which everything lies. Nothing is asked yet.
///
/// `environment` gives the value of a variable; the names are those of every client of S3: `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_CA_BUNDLE`, and those by which machines
/// of a cloud find keys of their own.
pub fn client(
    place: &ObjectPlace,
    environment: &[(String, String)],
) -> Result<(Arc<dyn ObjectStore>, Path), Fault> {
    let (bucket, prefix) = split(&place.url)?;
    let variable =
        |name: &str| environment.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, v)| v);
    let mut builder = AmazonS3Builder::new();
    for (name, value) in environment {
        let key = name.starts_with("AWS_").then(|| name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>());
        if let Some(Ok(key)) = key
            && !value.is_empty()
            && !OURS.contains(&key)
            && !matches!(key, AmazonS3ConfigKey::Client(_))
        {
            builder = builder.with_config(key, value);
        }
    }
    let endpoint = place
        .endpoint
        .as_ref()
        .or_else(|| variable("AWS_ENDPOINT_URL_S3"))
        .or_else(|| variable("AWS_ENDPOINT_URL"))
        .map(|endpoint| endpoint.trim_end_matches('/').to_owned());
    let mut options = ClientOptions::new().with_connect_timeout(CONNECT).with_timeout(REQUEST);
    if let Some(endpoint) = &endpoint {
        let plain = endpoint.starts_with("http://");
        if !plain && !endpoint.starts_with("https://") {
            return Err(wrong("blobs.endpoint begins with https:// (or http://, without encryption)."));
        }
        options = options.with_allow_http(plain);
        let (scheme, host) = endpoint.split_once("://").unwrap_or(("https", endpoint));
        // the client puts the bucket into the path only
        let address = if place.path_style { endpoint.clone() } else { format!("{scheme}://{bucket}.{host}") };
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, address);
    }
    if let Some(ca) = place.ca.clone().or_else(|| variable("AWS_CA_BUNDLE").map(Into::into)) {
        let unread = |error: &dyn std::fmt::Display| {
            wrong(
                "The file of blobs.ca (or AWS_CA_BUNDLE) holds no certificates in PEM form that can be read.",
            )
            .caused_by(format!("{}: {error}", ca.display()))
        };
        let pem = std::fs::read(&ca).map_err(|error| unread(&error))?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| unread(&error))?;
        if certificates.is_empty() {
            return Err(unread(&"no certificate"));
        }
        for certificate in certificates {
            options = options.with_root_certificate(certificate);
        }
    }
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        base: 2.0,
    };
    // what goes on failing is tried again by `Objects`, which knows how long the whole may take
    let retry = RetryConfig { backoff, max_retries: 2, retry_timeout: Duration::from_secs(5) };
    let store = builder
        .with_bucket_name(bucket)
        .with_virtual_hosted_style_request(!place.path_style)
        .with_checksum_algorithm(Checksum::SHA256)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_client_options(options)
        .with_retry(retry)
        .build()
        .map_err(|error| {
            wrong("The object store's settings do not fit together: see blobs.* and the AWS_* variables.")
                .caused_by(error)
        })?;
    Ok((Arc::new(store), prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str, endpoint: Option<&str>, path_style: bool) -> ObjectPlace {
        ObjectPlace { url: url.into(), endpoint: endpoint.map(Into::into), path_style, ca: None }
    }

    #[test]
    fn an_address_is_a_bucket_and_a_prefix() {
        let of = |url: &str| split(url).map(|(bucket, prefix)| format!("{bucket}|{prefix}")).ok();
        assert_eq!(of("s3://images").as_deref(), Some("images|"));
        assert_eq!(of("s3://images/").as_deref(), Some("images|"));
        assert_eq!(of("s3://images/north/one/").as_deref(), Some("images|north/one"));
        for bad in ["images", "s3://", "s3://ab", "s3://UPPER/x", "s3://images/a//b", "s3://images/../x"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_bucket_stands_in_the_path_or_in_the_host() {
        let keys: Vec<(String, String)> = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        let shown = |endpoint: &str, path_style| {
            let (store, _) = client(&place("s3://images/p", Some(endpoint), path_style), &keys).unwrap();
            format!("{store:?}")
        };
        assert!(shown("http://127.0.0.1:9", true).contains("\"http://127.0.0.1:9/images\""));
        assert!(shown("https://s3.example.org/", false).contains("\"https://images.s3.example.org\""));
        assert!(client(&place("s3://images", Some("ftp://x"), true), &keys).is_err());
    }

    #[test]
    fn settings_win_over_the_environment_and_a_bad_file_is_named() {
        let environment: Vec<(String, String)> = [
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_ENDPOINT_URL", "http://from-environment"),
            ("AWS_BUCKET", "other"),
            ("AWS_SKIP_SIGNATURE", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let (store, _) = client(&place("s3://images", None, true), &environment).unwrap();
        let shown = format!("{store:?}");
        assert!(shown.contains("\"http://from-environment/images\""), "{shown}");
        assert!(shown.contains("skip_signature: false"), "{shown}");
        let (store, _) = client(&place("s3://images", Some("http://own"), true), &environment).unwrap();
        assert!(format!("{store:?}").contains("\"http://own/images\""));
        let mut bad = place("s3://images", None, true);
        bad.ca = Some("/nowhere/ca.pem".into());
        assert_eq!(client(&bad, &environment).map(drop).unwrap_err().code, "objects-address");
    }
}
