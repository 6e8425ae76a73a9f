//! Dates and times as plain values. Nothing here reads a clock.

use std::fmt;

/// A day of the proleptic Gregorian calendar, kept as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

impl Date {
    /// The day `year-month-day`, or `None` where there is no such day or the year is not within 1800..=2200.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        if !(1800..=2200).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        if day < 1 || day > days_in_month(year, month) {
            return None;
        }
        Some(Self(days_from_civil(year, month, day)))
    }

    /// The day that many days after 1970-01-01, held within 1800-01-01..=2200-12-31.
    pub fn from_days(days: i32) -> Self {
        Self(days.clamp(-62_091, 84_370))
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i32 {
        self.0
    }

    /// The day `days` later (earlier where negative).
    pub fn plus(self, days: i32) -> Self {
        Self::from_days(self.0.saturating_add(days))
    }

    /// Year, month (1..=12) and day (1..=31).
    pub fn parts(self) -> (i32, u32, u32) {
        // Howard Hinnant's civil_from_days: years begin in March, eras are of 400 years.
        let z = self.0 + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i32::from(month <= 2);
        (year, month as u32, day as u32)
    }

    /// Whole years between a birth and this day; 0 where the birth is later.
    pub fn age_since(self, birth: Self) -> i32 {
        let (year, month, day) = self.parts();
        let (born, birth_month, birth_day) = birth.parts();
        (year - born - i32::from((month, day) < (birth_month, birth_day))).max(0)
    }

    /// `YYYYMMDD`, the DA of PS3.5 §6.2.
    pub fn dicom(self) -> String {
        let (year, month, day) = self.parts();
        format!("{year:04}{month:02}{day:02}")
    }
}

/// `YYYY-MM-DD`, the FHIR date.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A moment in local time with its offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub date: Date,
    /// Seconds since local midnight, 0..=86_399.
    pub seconds: u32,
    /// Whole hours ahead of UTC, -12..=14.
    pub offset_hours: i8,
}

impl Moment {
    /// The moment `seconds` later, which may fall on the next day.
    pub fn plus_seconds(self, seconds: u32) -> Self {
        let total = self.seconds.saturating_add(seconds);
        Self { date: self.date.plus((total / 86_400) as i32), seconds: total % 86_400, ..self }
    }

    /// `HHMMSS`, the TM of PS3.5 §6.2.
    pub fn dicom_time(self) -> String {
        format!("{:02}{:02}{:02}", self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60)
    }
}

/// `YYYY-MM-DDThh:mm:ss+hh:00`, the FHIR dateTime and instant.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        let sign = if self.offset_hours < 0 { '-' } else { '+' };
        let hours = self.offset_hours.unsigned_abs();
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}{sign}{hours:02}:00", self.date)
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let (month, day) = (month as i32, day as i32);
    let year = year - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_two_centuries_round_trips() {
        let mut date = Date::new(1900, 1, 1).unwrap();
        let end = Date::new(2101, 1, 1).unwrap();
        while date < end {
            let (year, month, day) = date.parts();
            assert_eq!(Date::new(year, month, day), Some(date));
            date = date.plus(1);
        }
        assert_eq!(Date::new(1970, 1, 1).unwrap().days(), 0);
        assert_eq!(Date::new(2023, 2, 29), None);
        assert_eq!(Date::new(2024, 2, 29).unwrap().to_string(), "2024-02-29");
    }

    #[test]
    fn ages_turn_on_the_birthday() {
        let birth = Date::new(1960, 6, 15).unwrap();
        assert_eq!(Date::new(2026, 6, 14).unwrap().age_since(birth), 65);
        assert_eq!(Date::new(2026, 6, 15).unwrap().age_since(birth), 66);
    }

    #[test]
    fn a_moment_prints_as_fhir_and_dicom() {
        let moment = Moment { date: Date::new(2026, 3, 9).unwrap(), seconds: 86_390, offset_hours: 1 };
        assert_eq!(moment.to_string(), "2026-03-09T23:59:50+01:00");
        assert_eq!(moment.plus_seconds(20).to_string(), "2026-03-10T00:00:10+01:00");
        assert_eq!(moment.dicom_time(), "235950");
    }
}
