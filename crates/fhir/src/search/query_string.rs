//! Query strings (`application/x-www-form-urlencoded`, WHATWG URL §5) to pairs and back.

use super::{MAX_PAIRS, SearchError};

/// The percent-decoded pairs of a query string such as `name=M%C3%BCller&_count=5`, without its `?`.
///
/// Empty pairs are passed over and `+` is a blank. An error where an escape is not one, or the text is not UTF-8.
pub fn read_pairs(query: &str) -> Result<Vec<(String, String)>, SearchError> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == MAX_PAIRS {
            return Err(SearchError::TooLarge { what: "parameters", limit: MAX_PAIRS });
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| {
            decode(text)
                .ok_or_else(|| SearchError::value(name, value, "the percent-encoding is not of UTF-8 text"))
        };
        pairs.push((decode(name)?, decode(value)?));
    }
    Ok(pairs)
}

/// Pairs as a query string; [`read_pairs`] gives them back.
pub fn write_pairs(pairs: &[(String, String)]) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        encode(&mut query, name);
        query.push('=');
        encode(&mut query, value);
    }
    query
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// RFC 3986 leaves these as they are in a query, but for what separates pairs; the colon and comma stay readable.
fn encode(query: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,*$".contains(&byte) {
            query.push(char::from(byte));
        } else {
            query.push('%');
            query.push(char::from(HEX[usize::from(byte >> 4)]));
            query.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}
