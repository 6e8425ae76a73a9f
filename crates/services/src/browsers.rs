//! What a browser is called, for the list of sessions: one of a few known names, never what it sent itself.

use serde::{Deserialize, Serialize};

/// A browser and the system it runs on.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug, utoipa::ToSchema)]
pub struct Browser {
    /// Such as `Firefox`.
    pub name: String,
    /// Such as `Windows`; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub system: Option<String>,
}

/// Bytes of a User-Agent that are looked at.
const LOOKED_AT: usize = 512;

/// Whoever is built on another says the other's name too: the first that is found is meant.
const NAMES: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("QQBrowser/", "QQ Browser"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chromium"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// In the same order: Android is a Linux, and iOS is like macOS.
const SYSTEMS: &[(&str, &str)] = &[
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

impl Browser {
    /// By its `User-Agent` (RFC 9110 §10.1.5); `None` where it is none that is known.
    pub fn of(user_agent: &str) -> Option<Browser> {
        let text = &user_agent[..user_agent.floor_char_boundary(LOOKED_AT)];
        let known = |list: &[(&str, &str)]| {
            list.iter().find(|(sign, _)| text.contains(sign)).map(|(_, name)| (*name).to_owned())
        };
        Some(Browser { name: known(NAMES)?, system: known(SYSTEMS) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(user_agent: &str, expected: &str) {
        let words = Browser::of(user_agent).map_or_else(String::new, |browser| {
            let system = browser.system.map_or_else(String::new, |system| format!(" on {system}"));
            format!("{}{system}", browser.name)
        });
        assert_eq!(words, expected, "{user_agent}");
    }

    #[test]
    fn browsers_are_known_by_what_they_are_built_on_last() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        check(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Firefox on Windows",
        );
        check(
            &format!(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
            ),
            "Edge on Windows",
        );
        check(
            &format!("Mozilla/5.0 (X11; Linux x86_64) {webkit} Chrome/142.0.0.0 Safari/537.36"),
            "Chrome on Linux",
        );
        check(
            &format!("Mozilla/5.0 (X11; Linux x86_64) {webkit} HeadlessChrome/142.0.0.0 Safari/537.36"),
            "Chromium on Linux",
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iOS",
        );
        check(
            &format!("Mozilla/5.0 (Linux; Android 10; K) {webkit} Chrome/142.0.0.0 Mobile Safari/537.36"),
            "Chrome on Android",
        );
        check("curl/8.5.0", "");
        check("", "");
        check("<b>Müller</b> Firefox/1", "Firefox");
        check(&format!("{} Firefox/1", "ü".repeat(100_000)), "");
    }
}
