//! A small writer of compact JSON. Commas come by themselves: one is written wherever the byte before is not an
//! opening bracket.

/// JSON under construction.
#[derive(Debug, Default)]
pub(crate) struct Json {
    out: Vec<u8>,
}

impl Json {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { out: Vec::with_capacity(capacity) }
    }

    /// Continues in a buffer that the caller keeps, so that a stream need not allocate.
    pub(crate) fn reuse(mut out: Vec<u8>) -> Self {
        out.clear();
        Self { out }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    #[inline]
    fn separate(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    /// `name` is one of our own literals and needs no escaping.
    #[inline]
    fn key(&mut self, name: &str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    #[inline]
    fn object(&mut self, body: impl FnOnce(&mut Self)) {
        self.out.push(b'{');
        body(self);
        self.out.push(b'}');
    }

    /// `"name":{…}`
    #[inline]
    pub(crate) fn at(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.key(name);
        self.object(body);
    }

    /// `"name":[…]`; the body writes `item`s or `item_text`s.
    #[inline]
    pub(crate) fn list(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.key(name);
        self.out.push(b'[');
        body(self);
        self.out.push(b']');
    }

    /// `"name":[{…}]`
    #[inline]
    pub(crate) fn one(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.list(name, |j| j.item(body));
    }

    /// An object as an item of a list, or the whole document.
    #[inline]
    pub(crate) fn item(&mut self, body: impl FnOnce(&mut Self)) {
        self.separate();
        self.object(body);
    }

    pub(crate) fn item_text(&mut self, value: &str) {
        self.separate();
        self.quote(value);
    }

    #[inline]
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        self.quote(value);
    }

    /// A string printed by `Display`, whose output needs no escaping (dates, numbers, identifiers).
    pub(crate) fn shown(&mut self, name: &str, value: impl std::fmt::Display) {
        use std::io::Write as _;
        self.key(name);
        self.out.push(b'"');
        // Writing to a Vec cannot fail.
        let _ = write!(self.out, "{value}");
        self.out.push(b'"');
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        self.key(name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(crate) fn int(&mut self, name: &str, value: i64) {
        self.decimal(name, value, 0);
    }

    /// `scaled / 10^digits`, keeping its trailing zeros: `decimal("value", 650, 2)` is `6.50`.
    #[inline]
    pub(crate) fn decimal(&mut self, name: &str, scaled: i64, digits: u8) {
        self.key(name);
        if scaled < 0 {
            self.out.push(b'-');
        }
        let mut buffer = [b'0'; 40];
        let mut at = buffer.len();
        let mut rest = scaled.unsigned_abs();
        let mut written = 0;
        while rest > 0 || written <= digits {
            if written == digits && digits > 0 {
                at -= 1;
                buffer[at] = b'.';
            }
            at -= 1;
            buffer[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            written += 1;
            if written > 30 {
                break;
            }
        }
        self.out.extend_from_slice(&buffer[at..]);
    }

    /// RFC 8259 §7: quotation mark, reverse solidus and control characters are escaped, the rest is UTF-8 as it is.
    fn quote(&mut self, value: &str) {
        self.out.push(b'"');
        let bytes = value.as_bytes();
        if bytes.iter().all(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.out.extend_from_slice(bytes);
        } else {
            for &byte in bytes {
                match byte {
                    b'"' => self.out.extend_from_slice(b"\\\""),
                    b'\\' => self.out.extend_from_slice(b"\\\\"),
                    b'\n' => self.out.extend_from_slice(b"\\n"),
                    b'\t' => self.out.extend_from_slice(b"\\t"),
                    byte if byte < 0x20 => {
                        self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                    }
                    byte => self.out.push(byte),
                }
            }
        }
        self.out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_what_a_reader_expects() {
        let mut json = Json::default();
        json.item(|j| {
            j.text("a", "x\"\\\n\u{1}é漢");
            j.decimal("b", 650, 2);
            j.decimal("c", -5, 1);
            j.int("d", 0);
            j.list("e", |j| {
                j.item_text("1");
                j.item(|j| j.flag("f", true));
            });
            j.one("g", |_| {});
        });
        let text = String::from_utf8(json.into_bytes()).unwrap();
        assert_eq!(
            text,
            "{\"a\":\"x\\\"\\\\\\n\\u0001é漢\",\"b\":6.50,\"c\":-0.5,\"d\":0,\"e\":[\"1\",{\"f\":true}],\"g\":[{}]}"
        );
    }

    proptest! {
        #[test]
        fn any_text_and_number_comes_back(text in ".*", number in any::<i64>(), digits in 0_u8..4) {
            let mut json = Json::default();
            json.item(|j| { j.text("t", &text); j.decimal("n", number, digits); });
            let value: serde_json::Value = serde_json::from_slice(&json.into_bytes()).unwrap();
            prop_assert_eq!(value["t"].as_str(), Some(text.as_str()));
            let expected = number as f64 / 10_f64.powi(i32::from(digits));
            let got = value["n"].as_f64().unwrap();
            prop_assert!((got - expected).abs() <= expected.abs() * 1e-12);
        }
    }
}
