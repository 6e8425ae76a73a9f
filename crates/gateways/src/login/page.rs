//! The sign-in page in three languages.

use std::fmt::Write;

/// A language of the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    En,
    De,
    Zh,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    Wrong,
    Busy,
    Failed,
    OtherSite,
    SignedOut,
}

/// The page with what it is shown for.
pub struct Page<'a> {
    pub language: Language,
    /// Where sign-in leads: a path of this server.
    pub next: &'a str,
    /// What was typed as login.
    pub login: &'a str,
    pub notice: Option<Notice>,
}

struct Words {
    title: &'static str,
    lead: &'static str,
    login: &'static str,
    password: &'static str,
    submit: &'static str,
    languages: &'static str,
    forgotten: &'static str,
    wrong: &'static str,
    busy: &'static str,
    failed: &'static str,
    other_site: &'static str,
    signed_out: &'static str,
    note: &'static str,
}

const EN: Words = Words {
    title: "Sign in",
    lead: "Images and records, seen clearly.",
    login: "Login",
    password: "Password",
    submit: "Sign in",
    languages: "Language",
    forgotten: "Forgotten your password? An administrator of your organisation can give you a new one.",
    wrong: "Login or password is not right. Please check both and try again.",
    busy: "There were many attempts at once. Please wait half a minute and try again.",
    failed: "Signing in did not work. Please try again; if it goes on, tell your administrator.",
    other_site: "That request came from another site, so nothing was done. Please sign in here.",
    signed_out: "You are signed out.",
    note: "Not a certified medical device.",
};

const DE: Words = Words {
    title: "Anmelden",
    lead: "Bilder und Befunde, klar gesehen.",
    login: "Anmeldename",
    password: "Passwort",
    submit: "Anmelden",
    languages: "Sprache",
    forgotten: "Passwort vergessen? Die Administration Ihrer Organisation kann Ihnen ein neues geben.",
    wrong: "Anmeldename oder Passwort stimmt nicht. Bitte prüfen Sie beides und versuchen Sie es noch einmal.",
    busy: "Es gab sehr viele Versuche auf einmal. Bitte warten Sie eine halbe Minute und versuchen Sie es noch einmal.",
    failed: "Die Anmeldung hat nicht geklappt. Bitte versuchen Sie es noch einmal; wenn es so bleibt, wenden Sie sich an Ihre Administration.",
    other_site: "Diese Anfrage kam von einer anderen Website, deshalb wurde nichts getan. Bitte melden Sie sich hier an.",
    signed_out: "Sie sind abgemeldet.",
    note: "Kein zugelassenes Medizinprodukt.",
};

const ZH: Words = Words {
    title: "登录",
    lead: "影像与病历，一目了然。",
    login: "登录名",
    password: "密码",
    submit: "登录",
    languages: "语言",
    forgotten: "忘记密码？请联系您所在机构的管理员重新设置。",
    wrong: "登录名或密码不正确，请核对后重试。",
    busy: "尝试次数过多，请等待半分钟后重试。",
    failed: "登录未成功，请重试；如果问题持续，请联系管理员。",
    other_site: "该请求来自其他网站，未执行任何操作。请在此登录。",
    signed_out: "您已退出登录。",
    note: "非认证医疗器械。",
};

impl Language {
    /// The language that was asked for by its code, else the first accepted one that there is (RFC 9110 §12.5.4, without
    /// weights: browsers send the order), else English.
    pub fn of(asked: &str, accepted: &str) -> Language {
        let known = |tag: &str| match tag.trim().split(['-', ';']).next()? {
            "en" => Some(Language::En),
            "de" => Some(Language::De),
            "zh" => Some(Language::Zh),
            _ => None,
        };
        known(asked).or_else(|| accepted.split(',').find_map(known)).unwrap_or(Language::En)
    }

    fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::De => "de",
            Language::Zh => "zh",
        }
    }

    /// As HTML names it.
    fn tag(self) -> &'static str {
        if self == Language::Zh { "zh-Hans" } else { self.code() }
    }

    fn words(self) -> &'static Words {
        match self {
            Language::En => &EN,
            Language::De => &DE,
            Language::Zh => &ZH,
        }
    }
}

/// Text as HTML, in elements and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// A value of a query.
fn encoded(text: &str) -> String {
    let mut safe = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "%{byte:02X}");
        }
    }
    safe
}

impl Page<'_> {
    fn notice(&self) -> String {
        let words = self.language.words();
        let Some(notice) = self.notice else { return String::new() };
        let (class, role, text) = match notice {
            Notice::Wrong => ("wrong", "alert", words.wrong),
            Notice::Busy => ("wrong", "alert", words.busy),
            Notice::Failed => ("wrong", "alert", words.failed),
            Notice::OtherSite => ("wrong", "alert", words.other_site),
            Notice::SignedOut => ("done", "status", words.signed_out),
        };
        let sign = if class == "wrong" { "!" } else { "✓" };
        format!(
            "<p class=\"notice {class}\" id=\"notice\" role=\"{role}\"><span class=\"sign\" aria-hidden=\"true\">{sign}</span>{text}</p>"
        )
    }

    fn languages(&self) -> String {
        let mut links = String::new();
        for (language, name) in
            [(Language::En, "English"), (Language::De, "Deutsch"), (Language::Zh, "简体中文")]
        {
            let (code, tag, next) = (language.code(), language.tag(), encoded(self.next));
            let current = if language == self.language { " aria-current=\"true\"" } else { "" };
            let _ = write!(
                links,
                "<li><a href=\"/login?lang={code}&amp;next={next}\" lang=\"{tag}\" hreflang=\"{tag}\"{current}>{name}</a></li>"
            );
        }
        links
    }

    /// The page.
    pub fn html(&self) -> String {
        let words = self.language.words();
        let Words { title, lead, submit, forgotten, note, languages, .. } = words;
        let (login_words, password_words) = (words.login, words.password);
        let wrong = self.notice == Some(Notice::Wrong);
        let failed = if wrong { " aria-invalid=\"true\" aria-describedby=\"notice\"" } else { "" };
        // where the login is known the password is what is typed next
        let (first, second) = if self.login.is_empty() { (" autofocus", "") } else { ("", " autofocus") };
        let (tag, code) = (self.language.tag(), self.language.code());
        let (notice, links) = (self.notice(), self.languages());
        let (next, login) = (escaped(self.next), escaped(self.login));
        format!(
            "<!doctype html>
<html lang=\"{tag}\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<meta name=\"robots\" content=\"noindex\">
<title>{title} · Lenticular</title>
<link rel=\"stylesheet\" href=\"/login/style.css\">
<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">
</head>
<body>
<main>
<header>
<svg class=\"mark\" viewBox=\"0 0 32 32\" width=\"40\" height=\"40\" aria-hidden=\"true\" focusable=\"false\"><path class=\"ray\" d=\"M2 16c4.8-6 9.4-8.6 14-8.6S25.2 10 30 16c-4.8 6-9.4 8.6-14 8.6S6.8 22 2 16z\"/><path class=\"lens\" d=\"M8.6 16c2.7-2.9 5.2-4.1 7.4-4.1s4.7 1.2 7.4 4.1c-2.7 2.9-5.2 4.1-7.4 4.1S11.3 18.9 8.6 16z\"/></svg>
<p class=\"name\" translate=\"no\">Lenticular</p>
<p class=\"lead\">{lead}</p>
</header>
<h1>{title}</h1>
{notice}
<form method=\"post\" action=\"/login?lang={code}\">
<input type=\"hidden\" name=\"next\" value=\"{next}\">
<label for=\"login\">{login_words}</label>
<input id=\"login\" name=\"login\" type=\"text\" value=\"{login}\" autocomplete=\"username\" autocapitalize=\"none\" autocorrect=\"off\" spellcheck=\"false\" maxlength=\"64\" required dir=\"ltr\"{first}{failed}>
<label for=\"password\">{password_words}</label>
<input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" maxlength=\"256\" required dir=\"ltr\"{second}{failed}>
<button type=\"submit\">{submit}</button>
</form>
<p class=\"hint\">{forgotten}</p>
</main>
<footer>
<nav aria-label=\"{languages}\"><ul>{links}</ul></nav>
<p>{note}</p>
</footer>
</body>
</html>
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_was_asked_for_else_the_browsers() {
        assert_eq!(Language::of("", "fr-FR,de-AT;q=0.8,en;q=0.5"), Language::De);
        assert_eq!(Language::of("zh", "de"), Language::Zh);
        assert_eq!(Language::of("xx", "zh-CN,zh;q=0.9"), Language::Zh);
        assert_eq!(Language::of("", ""), Language::En);
    }

    #[test]
    fn what_was_typed_is_text() {
        let login = "\"><script>alert(1)</script>";
        for language in [Language::En, Language::De, Language::Zh] {
            let page = Page { language, next: "/a?b=\"&c", login, notice: Some(Notice::Wrong) }.html();
            assert!(!page.contains("<script") && !page.contains("=\"&c"), "{page}");
            assert!(page.contains("&lt;script&gt;"));
            assert!(page.contains(language.words().wrong));
        }
    }
}
