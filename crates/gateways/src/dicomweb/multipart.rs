//! Reading multipart/related as it streams (RFC 2046 §5.1, RFC 2387): bytes in of any size, parts out, little held.

use lenticular_base::{Fault, FaultKind};
use memchr::memmem::Finder;

/// What was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Token<'a> {
    /// A part begins; the value of its Content-Type, where it has one.
    Begin(Option<String>),
    Data(&'a [u8]),
    End,
}

/// Bytes of the headers of one part, and blanks behind a boundary, at most.
const HEADERS: usize = 16 << 10;
const PADDING: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before the first boundary.
    Preamble,
    /// Behind a boundary: what follows says whether it is the last.
    Boundary {
        in_part: bool,
    },
    Headers,
    Body,
    /// Behind the last boundary: what follows is passed over.
    Epilogue,
}

/// Reads one body.
pub struct Reader {
    /// CRLF, two hyphens and the boundary.
    delimiter: Vec<u8>,
    finder: Finder<'static>,
    state: State,
    held: Vec<u8>,
}

fn broken(words: &str) -> Fault {
    Fault::new(FaultKind::Invalid, "multipart", format!("The multipart body is broken: {words}."))
}

impl Reader {
    /// For a boundary of 1 to 70 characters (RFC 2046 §5.1.1).
    pub fn new(boundary: &str) -> Result<Reader, Fault> {
        if !(1..=70).contains(&boundary.len()) || boundary.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return Err(broken("its Content-Type names no boundary of 1 to 70 characters"));
        }
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        let finder = Finder::new(&delimiter).into_owned();
        // The first boundary may stand at the very start: as if a line had just ended.
        Ok(Reader { delimiter, finder, state: State::Preamble, held: b"\r\n".to_vec() })
    }

    /// Takes the next bytes of the body and tells what they hold.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Token<'_>)) -> Result<(), Fault> {
        let joined;
        let mut rest = if self.held.is_empty() {
            bytes
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(bytes);
            joined = held;
            &joined[..]
        };
        while let Some(used) = self.step(rest, sink)? {
            rest = &rest[used..];
        }
        self.held = rest.to_vec();
        Ok(())
    }

    /// The body has ended.
    pub fn finish(self) -> Result<(), Fault> {
        match self.state {
            State::Epilogue => Ok(()),
            State::Preamble => Err(broken("its boundary does not occur")),
            _ => Err(broken("it ends before its last boundary")),
        }
    }

    /// How many bytes were dealt with; `None` where more are needed.
    fn step(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Token<'_>)) -> Result<Option<usize>, Fault> {
        match self.state {
            State::Epilogue => Ok((!bytes.is_empty()).then_some(bytes.len())),
            State::Preamble => Ok(self.until_boundary(bytes, false, sink)),
            State::Body => Ok(self.until_boundary(bytes, true, sink)),
            State::Boundary { in_part } => self.boundary(bytes, in_part, sink),
            State::Headers => self.headers(bytes, sink),
        }
    }

    fn until_boundary(
        &mut self,
        bytes: &[u8],
        in_part: bool,
        sink: &mut dyn FnMut(Token<'_>),
    ) -> Option<usize> {
        let (data, found) = match self.finder.find(bytes) {
            Some(at) => (at, true),
            // The end may be the beginning of a boundary.
            None => (safe_length(bytes, &self.delimiter), false),
        };
        if in_part && data > 0 {
            sink(Token::Data(&bytes[..data]));
        }
        if found {
            self.state = State::Boundary { in_part };
            return Some(data + self.delimiter.len());
        }
        (data > 0).then_some(data)
    }

    fn boundary(
        &mut self,
        bytes: &[u8],
        in_part: bool,
        sink: &mut dyn FnMut(Token<'_>),
    ) -> Result<Option<usize>, Fault> {
        let padding = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if padding > PADDING {
            return Err(broken("blanks without end follow a boundary"));
        }
        let (used, next) = match &bytes[padding..] {
            [b'-', b'-', ..] if padding == 0 => (2, State::Epilogue),
            [b'\r', b'\n', ..] => (padding + 2, State::Headers),
            [] | [b'\r'] => return Ok(None),
            [b'-'] if padding == 0 => return Ok(None),
            _ => {
                // A longer line that begins like the boundary: data.
                if in_part {
                    let delimiter = std::mem::take(&mut self.delimiter);
                    sink(Token::Data(&delimiter));
                    self.delimiter = delimiter;
                }
                self.state = if in_part { State::Body } else { State::Preamble };
                return Ok(Some(0));
            }
        };
        if in_part {
            sink(Token::End);
        }
        self.state = next;
        Ok(Some(used))
    }

    fn headers(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Token<'_>)) -> Result<Option<usize>, Fault> {
        let end = match bytes {
            [b'\r', b'\n', ..] => Some((0, 2)),
            _ => memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| (at, at + 4)),
        };
        match end {
            Some((length, used)) if length <= HEADERS => {
                sink(Token::Begin(content_type(&bytes[..length])));
                self.state = State::Body;
                Ok(Some(used))
            }
            Some(_) => Err(broken("the headers of a part are too long")),
            None if bytes.len() > HEADERS => Err(broken("the headers of a part are too long")),
            None => Ok(None),
        }
    }
}

/// How many bytes cannot belong to a delimiter that begins at the end.
fn safe_length(bytes: &[u8], delimiter: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(delimiter.len() - 1);
    let start = (from..bytes.len()).find(|at| delimiter.starts_with(&bytes[*at..]));
    start.unwrap_or(bytes.len())
}

/// The value of Content-Type among headers.
fn content_type(headers: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(headers);
    text.split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Parts = Vec<(Option<String>, Vec<u8>)>;

    fn read(boundary: &str, chunks: &[&[u8]]) -> Result<Parts, Fault> {
        let mut reader = Reader::new(boundary)?;
        let mut parts: Parts = Vec::new();
        let mut open = false;
        for chunk in chunks {
            reader.push(chunk, &mut |token| match token {
                Token::Begin(media) => {
                    assert!(!open);
                    open = true;
                    parts.push((media, Vec::new()));
                }
                Token::Data(bytes) => parts.last_mut().unwrap().1.extend_from_slice(bytes),
                Token::End => {
                    assert!(open);
                    open = false;
                }
            })?;
        }
        reader.finish()?;
        Ok(parts)
    }

    #[test]
    fn parts_are_read_as_the_standard_writes_them() {
        let check = |body: &str, expected: &[(Option<&str>, &str)]| {
            let parts = read("b", &[body.as_bytes()]).unwrap();
            let shown: Vec<_> =
                parts.iter().map(|(m, data)| (m.as_deref(), std::str::from_utf8(data).unwrap())).collect();
            assert_eq!(shown, expected, "{body:?}");
        };
        check(
            "--b\r\nContent-Type: a/b\r\nX: y\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
            &[(Some("a/b"), "one"), (None, "two")],
        );
        check("preamble\r\n--b \t\r\ncontent-type:x\r\n\r\n1\r\n--b--epilogue", &[(Some("x"), "1")]);
        check("--b\r\n\r\n\r\n--b--", &[(None, "")]);
        check("--b\r\nA: b\r\n\r\n\r\n--b--", &[(None, "")]);
        check("--b\r\n\r\nx\r\n--bc\r\n--b-\r\n--b--", &[(None, "x\r\n--bc\r\n--b-")]);
        check("--b--", &[]);
    }

    #[test]
    fn what_is_broken_is_said_so() {
        for body in ["", "x", "--b\r\n", "--b\r\n\r\nx", "--b\r\n\r\nx\r\n--b\r\n", "--bb--"] {
            assert!(read("b", &[body.as_bytes()]).is_err(), "{body:?}");
        }
        let long = format!("--b\r\nA: {}\r\n\r\nx\r\n--b--", "y".repeat(HEADERS));
        assert!(read("b", &[long.as_bytes()]).is_err());
        assert!(Reader::new("").is_err() && Reader::new(&"x".repeat(71)).is_err());
    }

    proptest! {
        #[test]
        fn any_cut_reads_the_same(
            parts in proptest::collection::vec(proptest::collection::vec("[\r\n\\-bx]{0,12}", 0..6), 0..5),
            cuts in proptest::collection::vec(1usize..9, 1..40),
        ) {
            let boundary = "bx-b";
            let mut body = Vec::new();
            let mut expected: Parts = Vec::new();
            for part in &parts {
                let data = part.concat();
                prop_assume!(!format!("\r\n{data}\r\n").contains("\r\n--bx-b"));
                body.extend_from_slice(b"--bx-b\r\nContent-Type: t\r\n\r\n");
                body.extend_from_slice(data.as_bytes());
                body.extend_from_slice(b"\r\n");
                expected.push((Some("t".into()), data.into_bytes()));
            }
            body.extend_from_slice(b"--bx-b--\r\n");
            let (mut chunks, mut rest, mut at) = (Vec::new(), &body[..], 0);
            while !rest.is_empty() {
                let (chunk, tail) = rest.split_at(cuts[at % cuts.len()].min(rest.len()));
                chunks.push(chunk);
                (rest, at) = (tail, at + 1);
            }
            prop_assert_eq!(read(boundary, &chunks).unwrap(), expected);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in "[\r\n\\-b: x]{0,200}", cut in 1usize..50) {
            let chunks: Vec<&[u8]> = bytes.as_bytes().chunks(cut).collect();
            let _ = read("b", &chunks);
        }
    }
}
