//! The members of a stored DICOM JSON object, found without parsing their values.

use super::corrupt;
use lenticular_base::Fault;
use lenticular_dicom::tag::Tag;

/// One member: its tag, and all of its text from the first quote on: `"00080005":{…}`.
pub type Member<'a> = (Tag, &'a [u8]);

/// Splits an object that [`lenticular_dicom::json::write_json`] wrote: without blanks, keys of eight digits.
pub fn split(json: &[u8]) -> Result<Vec<Member<'_>>, Fault> {
    let mut rest = inner(json)?;
    let mut members = Vec::with_capacity(64);
    while !rest.is_empty() {
        members.push(first_member(&mut rest)?);
    }
    Ok(members)
}

fn inner(json: &[u8]) -> Result<&[u8], Fault> {
    json.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).ok_or_else(corrupt)
}

/// Takes the first member off a list of members.
fn first_member<'a>(rest: &mut &'a [u8]) -> Result<Member<'a>, Fault> {
    let (member, tail) = rest.split_at(member_end(rest));
    let key = member.get(1..9).and_then(|key| std::str::from_utf8(key).ok());
    let tag = key.and_then(Tag::parse).filter(|_| member.get(9..11) == Some(b"\":"));
    *rest = tail.strip_prefix(b",").unwrap_or(tail);
    Ok((tag.ok_or_else(corrupt)?, member))
}

/// Where the first member of a list of members ends.
fn member_end(text: &[u8]) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// The first value of a plain attribute at the top of an object: a UID or another text without escapes.
pub fn value_of(json: &[u8], tag: Tag) -> Option<&[u8]> {
    let mut rest = inner(json).ok()?;
    let member = loop {
        let (found, member) = first_member(&mut rest).ok()?;
        if found == tag {
            break member;
        }
        if rest.is_empty() {
            return None;
        }
    };
    let mark = b"\"Value\":[\"";
    let start = member.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let length = member[start..].iter().position(|byte| *byte == b'"')?;
    Some(&member[start..start + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_split_at_the_top_alone() {
        let json = br#"{"00080005":{"vr":"CS","Value":["a,\"}{"]},"00081115":{"vr":"SQ","Value":[{"0020000E":{"vr":"UI","Value":["9"]}}]},"0020000E":{"vr":"UI","Value":["1.2"]}}"#;
        let members = split(json).unwrap();
        assert_eq!(
            members.iter().map(|(tag, _)| tag.0).collect::<Vec<_>>(),
            [0x0008_0005, 0x0008_1115, 0x0020_000E]
        );
        assert_eq!(members[2].1, br#""0020000E":{"vr":"UI","Value":["1.2"]}"#);
        assert_eq!(value_of(json, Tag(0x0020_000E)), Some(b"1.2".as_slice()));
        assert_eq!(value_of(json, Tag(0x0020_000D)), None);
        assert!(split(b"{}").unwrap().is_empty());
        for bad in ["", "[]", "{\"a\":1}", "{1}", "{\"00080005\"}"] {
            assert!(split(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
