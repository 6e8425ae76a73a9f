//! The XHTML of a narrative (FHIR R4 §2.9, txt-1 and txt-2): basic formatting, and nothing that runs.

/// HTML 4.0 chapters 7 to 11 and 15, links and images (§2.9.0.1).
const ELEMENTS: [&str; 61] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "area",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "map",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "center",
    "nobr",
];

/// How deep elements may nest.
const MAX_DEPTH: usize = 200;

/// Checks a narrative; the error is the rule that it breaks.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let text = text.trim();
    let mut open: Vec<&str> = Vec::new();
    let mut has_content = false;
    let mut rest = text;
    let mut is_first = true;
    loop {
        let Some(at) = rest.find('<') else {
            has_content |= !rest.trim().is_empty();
            break;
        };
        let (before, tag) = rest.split_at(at);
        if !before.trim().is_empty() {
            has_content = true;
            if open.is_empty() {
                return Err("a narrative is one <div>");
            }
        }
        if let Some(comment) = tag.strip_prefix("<!--") {
            let end = comment.find("-->").ok_or("a comment does not end")?;
            rest = &comment[end + 3..];
            continue;
        }
        if let Some(close) = tag.strip_prefix("</") {
            let end = close.find('>').ok_or("a tag does not end")?;
            if open.pop() != Some(close[..end].trim_end()) {
                return Err("the tags of a narrative do not match");
            }
            rest = &close[end + 1..];
            continue;
        }
        let tag = Tag::read(&tag[1..])?;
        if !ELEMENTS.contains(&tag.name) {
            return Err("a narrative has basic formatting elements only (txt-1)");
        }
        if is_first && !(tag.name == "div" && tag.has_namespace) {
            return Err("a narrative begins with <div xmlns=\"http://www.w3.org/1999/xhtml\">");
        }
        if !is_first && open.is_empty() {
            return Err("a narrative is one <div>");
        }
        is_first = false;
        has_content |= tag.name == "img";
        if !tag.is_empty {
            open.push(tag.name);
        }
        if open.len() > MAX_DEPTH {
            return Err("a narrative is nested too deep");
        }
        rest = tag.rest;
    }
    if is_first || !rest.trim().is_empty() {
        return Err("a narrative is one <div>");
    }
    if !open.is_empty() {
        return Err("the tags of a narrative do not match");
    }
    if has_content { Ok(()) } else { Err("a narrative holds some text or an image (txt-2)") }
}

/// One start tag.
struct Tag<'t> {
    name: &'t str,
    has_namespace: bool,
    /// `<br/>`
    is_empty: bool,
    rest: &'t str,
}

impl<'t> Tag<'t> {
    /// Reads from behind the `<`.
    fn read(text: &'t str) -> Result<Tag<'t>, &'static str> {
        let (name, mut rest) = split_name(text);
        if name.is_empty() {
            return Err("a narrative is well-formed XHTML without declarations and processing instructions");
        }
        let mut has_namespace = false;
        loop {
            rest = rest.trim_start();
            if let Some(rest) = rest.strip_prefix("/>") {
                return Ok(Tag { name, has_namespace, is_empty: true, rest });
            }
            if let Some(rest) = rest.strip_prefix('>') {
                return Ok(Tag { name, has_namespace, is_empty: false, rest });
            }
            let (attribute, after) = split_name(rest);
            let value = after.trim_start().strip_prefix('=').map(str::trim_start);
            let value = value.and_then(|value| {
                let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
                value[1..].split_once(quote)
            });
            let (Some((value, after)), false) = (value, attribute.is_empty()) else {
                return Err("an attribute of a narrative is name=\"value\"");
            };
            check_attribute(attribute, value)?;
            has_namespace |= attribute == "xmlns" && value == "http://www.w3.org/1999/xhtml";
            rest = after;
        }
    }
}

fn split_name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':')));
    text.split_at(end.unwrap_or(text.len()))
}

/// No event handlers, no scripts in links or styles.
fn check_attribute(name: &str, value: &str) -> Result<(), &'static str> {
    const ACTIVE: &str = "a narrative holds nothing that runs (txt-1)";
    if name.len() >= 2 && name.as_bytes()[..2].eq_ignore_ascii_case(b"on") {
        return Err(ACTIVE);
    }
    if value.contains('<') {
        return Err("a '<' in an attribute is written &lt;");
    }
    if matches!(name, "href" | "src" | "style" | "background" | "cite" | "longdesc") {
        let value = squeeze(value);
        let scripts = ["javascript:", "vbscript:", "data:text", "data:image/svg", "expression("];
        if scripts.iter().any(|script| value.contains(script)) {
            return Err(ACTIVE);
        }
    }
    Ok(())
}

/// As a browser would read it: character references resolved, white space and controls out, lower case.
fn squeeze(value: &str) -> String {
    let mut squeezed = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        let (c, used) = if c == '&' { character_reference(rest) } else { (c, c.len_utf8()) };
        rest = &rest[used..];
        if c > ' ' && !c.is_control() {
            squeezed.push(c.to_ascii_lowercase());
        }
    }
    squeezed
}

/// The character that `&#x6a;`, `&#106;` or `&colon;` stands for, and how many bytes it took.
fn character_reference(text: &str) -> (char, usize) {
    // No reference is longer; a value of many '&' must not be read to its end for each.
    let Some(end) = text.bytes().take(12).position(|byte| byte == b';') else { return ('&', 1) };
    let name = &text[1..end];
    let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    });
    let c = match name {
        "colon" => Some(':'),
        "Tab" | "NewLine" => Some(' '),
        _ => number.and_then(char::from_u32),
    };
    c.map_or(('&', 1), |c| (c, name.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIV: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\">";

    #[test]
    fn basic_formatting_is_welcome() {
        for inner in [
            "text",
            "<p class='x'>a<br/>b <b>c</b></p><!-- < --><table><tr><td>1 &lt; 2 &nbsp;</td></tr></table>",
            "<img src=\"#a\" alt=\"x\"/>",
            "<a href=\"https://a.example/?on=1\">x</a>",
        ] {
            assert_eq!(check(&format!("{DIV}{inner}</div>")), Ok(()), "{inner}");
        }
    }

    #[test]
    fn what_runs_or_is_no_xhtml_is_refused() {
        for inner in [
            "",
            " <p> </p>",
            "<script>1</script>",
            "<p onclick=\"x\">a</p>",
            "<p ONCLICK='x'>a</p>",
            "<a href=\"javascript:x\">a</a>",
            "<a href=\"java&#x0A;script&#58;x\">a</a>",
            "<a href=' JavaScript&colon;x'>a</a>",
            "<iframe src='x'/>a",
            "<svg>a</svg>",
            "<p>a",
            "<p>a</b></p>",
            "<p a>b</p>",
            "<p a=b>b</p>",
            "<!DOCTYPE x>a",
            "<?x ?>a",
            "<![CDATA[a]]>",
            "a<",
        ] {
            assert!(check(&format!("{DIV}{inner}</div>")).is_err(), "{inner}");
        }
        for whole in
            ["", "text", "<div>a</div>", "<p>a</p>", &format!("{DIV}a</div>b"), &format!("{DIV}a</div><p/>")]
        {
            assert!(check(whole).is_err(), "{whole}");
        }
        assert!(check(&format!("{DIV}{}", "<p>".repeat(100_000))).is_err());
        let many = "&".repeat(1_000_000);
        assert_eq!(check(&format!("{DIV}<a href='{many}'>a</a></div>")), Ok(()));
    }
}
