//! Instants: milliseconds since 1970-01-01T00:00:00Z. The clock is read by the outer layers and passed in.

use crate::calendar;
use std::fmt;

/// A moment in milliseconds since the Unix epoch, UTC; may be negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Instant(pub i64);

impl Instant {
    /// Reads an RFC 3339 / FHIR `instant` with seconds and zone; `None` where it is not one.
    pub fn parse(text: &str) -> Option<Instant> {
        let span = calendar::parse_span(text)?;
        (text.len() >= 20 && span.zoned).then_some(Instant(span.low))
    }

    /// This moment `milliseconds` later.
    pub fn plus(self, milliseconds: i64) -> Instant {
        Instant(self.0.saturating_add(milliseconds))
    }
}

/// `2026-11-23T12:40:00.123Z`
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = calendar::civil_from_days(days);
        let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
        let (second, millis) = (rest / 1000 % 60, rest % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_back() {
        for ms in [0, 1, 951_782_400_000, 1_795_437_599_999, -62_135_596_800_000] {
            assert_eq!(Instant::parse(&Instant(ms).to_string()), Some(Instant(ms)));
        }
        assert_eq!(Instant::parse("2026-11-23T14:00:00+02:00"), Instant::parse("2026-11-23T12:00:00Z"));
        assert_eq!(Instant::parse("2026-11-23"), None);
    }
}
