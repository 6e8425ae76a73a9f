//! Reading JSON text into a [`Tree`].

use super::{Object, Text, Tree};
use memchr::memchr2;
use std::borrow::Cow;
use thiserror::Error;

/// How much of somebody else's JSON is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How deep arrays and objects may nest.
    pub depth: usize,
    /// How many values there may be in all.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        // DICOM JSON of 32 sequences, one in the other, is 100 deep: three levels each, and those of a name.
        Limits { depth: 100, values: 50_000_000 }
    }
}

/// Why text is no JSON, or too much of it; `at` counts bytes from 0.
#[derive(Error, Clone, PartialEq, Eq, Debug)]
pub enum ParseError {
    #[error("not UTF-8 at byte {at}")]
    Utf8 { at: usize },
    #[error("expected {expected} at byte {at}")]
    Syntax { at: usize, expected: &'static str },
    #[error("the member \"{name}\" stands twice in one object, at byte {at}")]
    Duplicate { at: usize, name: String },
    #[error("nested deeper than {limit} levels at byte {at}")]
    Depth { at: usize, limit: usize },
    #[error("more than {limit} values")]
    Values { limit: usize },
}

/// Reads one JSON value under the default [`Limits`].
pub fn parse(text: &[u8]) -> Result<Tree<'_>, ParseError> {
    parse_with(text, Limits::default())
}

/// Reads one JSON value; a leading byte order mark is passed over, anything after the value is refused.
pub fn parse_with(bytes: &[u8], limits: Limits) -> Result<Tree<'_>, ParseError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| ParseError::Utf8 { at: e.valid_up_to() })?;
    let mut reader = Reader { text, at: 0, left: limits.values, limits };
    reader.skip_space();
    let value = reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.expected("the end of the text")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    left: usize,
    limits: Limits,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn expected(&self, expected: &'static str) -> ParseError {
        ParseError::Syntax { at: self.at, expected }
    }

    fn value(&mut self, depth: usize) -> Result<Tree<'a>, ParseError> {
        self.left = self.left.checked_sub(1).ok_or(ParseError::Values { limit: self.limits.values })?;
        match self.peek() {
            Some(b'{') => self.object(self.deeper(depth)?),
            Some(b'[') => self.array(self.deeper(depth)?),
            Some(b'"') => Ok(Tree::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Tree::Bool(true)),
            Some(b'f') => self.word("false", Tree::Bool(false)),
            Some(b'n') => self.word("null", Tree::Null),
            _ => Err(self.expected("a value")),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, ParseError> {
        if depth < self.limits.depth {
            return Ok(depth + 1);
        }
        Err(ParseError::Depth { at: self.at, limit: self.limits.depth })
    }

    fn word(&mut self, word: &'static str, value: Tree<'a>) -> Result<Tree<'a>, ParseError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Tree<'a>, ParseError> {
        self.at += 1;
        let mut members: Vec<(Text<'a>, Tree<'a>)> = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Tree::Object(Object { members }));
        }
        loop {
            self.skip_space();
            let at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a member name"));
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.expected("':'"));
            }
            self.at += 1;
            self.skip_space();
            let value = self.value(depth)?;
            // Few members: a scan beats a set. Many: the names are sorted once, at the end.
            if members.len() < 32 && members.iter().any(|(known, _)| known.raw() == key.raw()) {
                return Err(ParseError::Duplicate { at, name: key.text().into_owned() });
            }
            members.push((key, value));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.expected("',' or '}'")),
            }
        }
        self.at += 1;
        if members.len() > 32 {
            self.refuse_duplicates(&members)?;
        }
        Ok(Tree::Object(Object { members }))
    }

    fn refuse_duplicates(&self, members: &[(Text<'a>, Tree<'a>)]) -> Result<(), ParseError> {
        let mut names: Vec<&str> = members.iter().map(|(key, _)| key.raw()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(ParseError::Duplicate { at: self.at, name: pair[0].to_owned() }),
            None => Ok(()),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Tree<'a>, ParseError> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Tree::Array(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.expected("',' or ']'")),
            }
        }
        self.at += 1;
        Ok(Tree::Array(items))
    }

    fn string(&mut self) -> Result<Text<'a>, ParseError> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut at = start;
        loop {
            let Some(step) = memchr2(b'"', b'\\', &bytes[at..]) else {
                self.at = bytes.len();
                return Err(self.expected("the end of a string"));
            };
            at += step;
            if bytes[at] == b'"' {
                break;
            }
            at += self.escape_length(at)?;
        }
        if let Some(bad) = bytes[start..at].iter().position(|b| *b < 0x20) {
            self.at = start + bad;
            return Err(self.expected("no control character in a string"));
        }
        self.at = at + 1;
        Ok(Text { raw: Cow::Borrowed(&self.text[start..at]) })
    }

    fn escape_length(&mut self, at: usize) -> Result<usize, ParseError> {
        let bytes = self.text.as_bytes();
        let length = match bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Some(2),
            Some(b'u') => {
                bytes.get(at + 2..at + 6).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)).map(|_| 6)
            }
            _ => None,
        };
        self.at = at;
        length.ok_or_else(|| self.expected("an escape"))
    }

    fn number(&mut self) -> Result<Tree<'a>, ParseError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.expected("a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(Tree::Number(Cow::Borrowed(&self.text[start..self.at])))
    }

    fn some_digits(&mut self) -> Result<(), ParseError> {
        let start = self.at;
        self.digits();
        if self.at > start { Ok(()) } else { Err(self.expected("a digit")) }
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }
}

/// Resolves the escapes of a lexeme that [`parse`] accepted.
pub(super) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or("");
        match escape {
            b'n' => text.push('\n'),
            b'r' => text.push('\r'),
            b't' => text.push('\t'),
            b'b' => text.push('\u{8}'),
            b'f' => text.push('\u{c}'),
            b'u' => {
                let (c, used) = unicode_escape(rest);
                text.push(c);
                rest = rest.get(used..).unwrap_or("");
            }
            plain => text.push(char::from(plain)),
        }
    }
    text.push_str(rest);
    text
}

/// The character of `XXXX` or `XXXX\uYYYY` at the start of `rest`, and how many bytes it took.
fn unicode_escape(rest: &str) -> (char, usize) {
    let unit = |at: usize| rest.get(at..at + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(high) = unit(0) else { return (char::REPLACEMENT_CHARACTER, rest.len()) };
    if !(0xD800..0xE000).contains(&high) {
        return (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 4);
    }
    let low = if rest.get(4..6) == Some("\\u") { unit(6) } else { None };
    match low {
        Some(low) if high < 0xDC00 && (0xDC00..0xE000).contains(&low) => {
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10)
        }
        _ => (char::REPLACEMENT_CHARACTER, 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, printed: &str) {
        assert_eq!(parse(text.as_bytes()).map(|tree| tree.to_json()), Ok(printed.to_owned()));
    }

    #[test]
    fn lexemes_stay_as_they_arrived() {
        check(
            " { \"a\" : 1.00 , \"b\":[ 1e+2 ,-0, \"\\u00e9\\/\" ] } ",
            r#"{"a":1.00,"b":[1e+2,-0,"\u00e9\/"]}"#,
        );
        check("\u{feff}null", "null");
    }

    #[test]
    fn text_resolves_escapes() {
        let tree = parse(br#""a\n\u00e9\ud83d\ude00\ud800x\\""#).unwrap();
        assert_eq!(tree.text().unwrap(), "a\né😀\u{fffd}x\\");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for bad in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            "+1",
            "nul",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "1 2",
            "{'a':1}",
            "[1 2]",
            "\"",
            "-",
            "1e",
            "NaN",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse(b"\"\xff\"").is_err());
        assert!(matches!(parse(br#"{"a":1,"a":2}"#), Err(ParseError::Duplicate { .. })));
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let deep = "[".repeat(100_000);
        assert!(matches!(parse(deep.as_bytes()), Err(ParseError::Depth { limit: 100, .. })));
        let limits = Limits { depth: 9, values: 3 };
        assert!(matches!(parse_with(b"[1,2,3]", limits), Err(ParseError::Values { limit: 3 })));
        let wide: Vec<String> = (0..40).map(|n| format!("\"k{}\":1", n % 39)).collect();
        assert!(matches!(
            parse(format!("{{{}}}", wide.join(",")).as_bytes()),
            Err(ParseError::Duplicate { .. })
        ));
    }

    #[test]
    fn pretty_printing_keeps_the_value() {
        let text = r#"{"a":[1,{"b":[]}],"c":{}}"#;
        let mut pretty = String::new();
        parse(text.as_bytes()).unwrap().write_pretty(&mut pretty, 0);
        assert_eq!(parse(pretty.as_bytes()).unwrap().to_json(), text);
    }

    fn any_tree() -> impl Strategy<Value = Tree<'static>> {
        let leaf = prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::Bool),
            any::<i64>().prop_map(Tree::integer),
            ".{0,12}".prop_map(Tree::string),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::Array),
                prop::collection::btree_map(".{0,6}", inner, 0..6).prop_map(|members| Tree::Object(Object {
                    members: members.into_iter().map(|(k, v)| (Text::new(k), v)).collect()
                })),
            ]
        })
    }

    proptest! {
        #[test]
        fn printed_trees_read_back(tree in any_tree()) {
            let json = tree.to_json();
            prop_assert_eq!(parse(json.as_bytes()).unwrap(), tree);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(tree) = parse(&bytes) {
                let json = tree.to_json();
                prop_assert_eq!(parse(json.as_bytes()).unwrap().to_json(), json);
            }
        }
    }
}
