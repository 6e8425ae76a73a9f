//! Rust source without its comments, literals and tests, so that a rule sees code alone.

/// `text` with comments and the insides of string and character literals blanked; lines stay where they are.
pub fn bare(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let length = if rest.starts_with(b"//") {
            rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            block_comment(rest)
        } else if rest[0] == b'"' {
            string(rest)
        } else if let Some(length) = raw_string(bytes, at) {
            length
        } else if let Some(length) = character(rest) {
            length
        } else {
            out.push(rest[0]);
            at += 1;
            continue;
        };
        out.extend(rest[..length].iter().map(|b| if *b == b'\n' { b'\n' } else { b' ' }));
        at += length;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `bare` code with each `#[cfg(test)] mod … { … }` blanked too.
pub fn without_tests(bare: &str) -> String {
    let mut out = bare.as_bytes().to_vec();
    let mut from = 0;
    while let Some(found) = bare[from..].find("#[cfg(test)]").map(|at| from + at) {
        let rest = &bare[found..];
        let (Some(open), end) = (rest.find('{'), rest.find(';')) else { break };
        // `#[cfg(test)] mod tests;` or a `use`: nothing to blank but the line.
        let length = match end {
            Some(end) if end < open => end,
            _ => open + closing(&rest.as_bytes()[open..]),
        };
        for byte in &mut out[found..found + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        from = found + length.max(1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether `word` stands in `line` on its own: not as a part of a longer name.
pub fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_none_or(|c| !part(c));
        let ends_open = word.chars().next_back().is_some_and(|c| !part(c));
        before && (ends_open || line[at + word.len()..].chars().next().is_none_or(|c| !part(c)))
    })
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`, `br#"…"#`: not where `r` ends a name.
fn raw_string(bytes: &[u8], at: usize) -> Option<usize> {
    let inside_name =
        at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_') && bytes[at - 1] != b'b';
    if bytes[at] != b'r' || inside_name {
        return None;
    }
    let rest = &bytes[at + 1..];
    let hashes = rest.iter().take_while(|b| **b == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let body = &rest[hashes + 1..];
    let end = body.windows(close.len()).position(|window| window == close).unwrap_or(body.len());
    Some((1 + hashes + 1 + end + close.len()).min(bytes.len() - at))
}

/// `'x'`, `'\n'`, `'\u{1}'`, but not a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest[0] != b'\'' {
        return None;
    }
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).position(|b| *b == b'\'')?;
        return Some(3 + end + 1);
    }
    let text = std::str::from_utf8(&rest[1..rest.len().min(6)])
        .or_else(|e| std::str::from_utf8(&rest[1..1 + e.valid_up_to()]));
    let length = text.ok()?.chars().next()?.len_utf8();
    (rest.get(1 + length) == Some(&b'\'')).then_some(length + 2)
}

/// The length from an opening brace to behind its closing one.
fn closing(rest: &[u8]) -> usize {
    let mut depth = 0usize;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = "let a = \"unsafe // no\"; // unsafe\n/* unsafe\n/* x */ */ let b = 'u'; let c = r#\"un\"safe\"#; fn f<'a>(x: &'a u8) {}\n";
        let bare = bare(text);
        assert!(!bare.contains("unsafe"), "{bare}");
        assert!(bare.contains("fn f<'a>(x: &'a u8) {}"), "{bare}");
        assert_eq!(bare.lines().count(), text.lines().count());
    }

    #[test]
    fn escapes_do_not_end_a_literal_early() {
        assert!(!bare(r#"let q = '\''; let s = "\" todo!()"; let t = "\\";"#).contains("todo"));
        assert!(bare(r#"let t = "\\"; todo!()"#).contains("todo!()"));
    }

    #[test]
    fn tests_are_cut_out() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { std::fs::read(); }\n}\nfn c() {}\n";
        let code = without_tests(&bare(text));
        assert!(code.contains("fn c()") && !code.contains("std::fs"), "{code}");
        let declared = "#[cfg(test)]\nmod tests;\nfn c() { tokio(); }\n";
        assert!(without_tests(declared).contains("tokio"));
    }

    #[test]
    fn words_stand_alone() {
        assert!(has_word("unsafe {", "unsafe"));
        assert!(!has_word("deny(unsafe_code)", "unsafe"));
        assert!(has_word("use std::fs::File", "std::fs"));
        assert!(!has_word("my_todo!()", "todo!"));
    }
}
