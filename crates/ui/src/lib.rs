//! The built web app, embedded: each file as it is, and compressed once, at build time.
//!
//! *Invariants.* The table is fixed at build time and holds an `index.html` at least; a path is looked up in it and never
//! in a file system. Nothing here knows HTTP but the two header values that choose and name a representation.
//!
//! *Start reading* at [`asset`]; where the files come from is told in `build/main.rs`.

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

struct File {
    /// From the root of the app, without a leading slash.
    path: &'static str,
    media: &'static str,
    immutable: bool,
    /// Of the plain, the gzip and the brotli representation.
    etags: [&'static str; 3],
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

/// One file of the app in the representation that was chosen.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    pub bytes: &'static [u8],
    /// `Content-Type`.
    pub media: &'static str,
    /// `Content-Encoding`: `br`, `gzip`, or none.
    pub encoding: Option<&'static str>,
    /// A strong entity tag, quotes included; each representation has its own (RFC 9110 §8.8.3).
    pub etag: &'static str,
    /// The name tells the content: it may be kept for ever.
    pub immutable: bool,
}

/// The file at `path` (such as `index.html` or `assets/viewer-1a2b3c.js`, without a leading slash), as small as the
/// request's `Accept-Encoding` allows; `None` where there is no such file.
pub fn asset(path: &str, accept_encoding: &str) -> Option<Asset> {
    let file = &FILES[FILES.binary_search_by(|file| file.path.cmp(path)).ok()?];
    let (bytes, encoding, etag) = match (file.brotli, file.gzip) {
        (Some(bytes), _) if accepts(accept_encoding, "br") => (bytes, Some("br"), file.etags[2]),
        (_, Some(bytes)) if accepts(accept_encoding, "gzip") => (bytes, Some("gzip"), file.etags[1]),
        _ => (file.plain, None, file.etags[0]),
    };
    Some(Asset { bytes, media: file.media, encoding, etag, immutable: file.immutable })
}

/// Paths of all files, in order.
pub fn paths() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|file| file.path)
}

/// RFC 9110 §12.5.3: named, or meant by `*`, and not with the weight 0.
fn accepts(header: &str, coding: &str) -> bool {
    let weight = |wanted: &str| {
        header.split(',').find_map(|item| {
            let mut parts = item.split(';');
            let name = parts.next()?.trim();
            let zero = parts.any(|part| {
                let weight = part.trim().strip_prefix("q=").or_else(|| part.trim().strip_prefix("Q="));
                weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0_f32))
            });
            name.eq_ignore_ascii_case(wanted).then_some(!zero)
        })
    };
    weight(coding).or_else(|| weight("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_there_in_each_form_that_was_asked_for() {
        let plain = asset("index.html", "").expect("there is an index.html");
        assert_eq!((plain.encoding, plain.immutable), (None, false));
        assert!(plain.media.starts_with("text/html"));
        assert!(plain.bytes.starts_with(b"<!"));
        let small = asset("index.html", "gzip, deflate, br").expect("there is an index.html");
        assert!(small.bytes.len() <= plain.bytes.len());
        if small.encoding.is_some() {
            assert_ne!(small.etag, plain.etag);
        }
        assert!(asset("../Cargo.toml", "").is_none() && asset("", "").is_none());
    }

    #[test]
    fn files_named_by_their_content_are_kept_for_ever() {
        for path in paths() {
            let one = asset(path, "br").expect("a path of the table is found");
            assert_eq!(one.immutable, path.starts_with("assets/"), "{path}");
        }
    }

    #[test]
    fn a_coding_is_taken_where_it_is_named_and_not_refused() {
        assert!(
            accepts("gzip, deflate, br;q=1.0", "br") && accepts("*", "br") && accepts("GZIP;q=0.1", "gzip")
        );
        assert!(!accepts("gzip;q=0, *", "gzip") && !accepts("", "gzip") && !accepts("brx", "br"));
        assert!(!accepts("br;q=0.000", "br"));
    }
}
