//! Which attributes belong to which level, and how each is indexed.

use crate::tag::Tag;
use lenticular_base::Kind;

/// PS3.18 Table 10.6.3-3 and what viewers ask for besides.
pub const STUDY: &[u32] = &[
    0x0008_0005,
    0x0008_0020,
    0x0008_0030,
    0x0008_0050,
    0x0008_0051,
    0x0008_0056,
    0x0008_0061,
    0x0008_0062,
    0x0008_0080,
    0x0008_0090,
    0x0008_0201,
    0x0008_1030,
    0x0008_1032,
    0x0008_1048,
    0x0008_1060,
    0x0008_1080,
    0x0008_1190,
    0x0010_0010,
    0x0010_0020,
    0x0010_0021,
    0x0010_0024,
    0x0010_0030,
    0x0010_0032,
    0x0010_0040,
    0x0010_1000,
    0x0010_1001,
    0x0010_1002,
    0x0010_1010,
    0x0010_1020,
    0x0010_1030,
    0x0010_2160,
    0x0010_21B0,
    0x0010_4000,
    0x0020_000D,
    0x0020_0010,
    0x0020_1206,
    0x0020_1208,
    0x0032_1060,
];

/// PS3.18 Table 10.6.3-4 and what viewers ask for besides.
pub const SERIES: &[u32] = &[
    0x0008_0005,
    0x0008_0021,
    0x0008_0031,
    0x0008_0060,
    0x0008_0064,
    0x0008_0070,
    0x0008_0080,
    0x0008_0081,
    0x0008_0201,
    0x0008_1010,
    0x0008_103E,
    0x0008_103F,
    0x0008_1040,
    0x0008_1050,
    0x0008_1070,
    0x0008_1090,
    0x0008_1111,
    0x0008_1190,
    0x0018_0015,
    0x0018_1000,
    0x0018_1020,
    0x0018_1030,
    0x0018_5100,
    0x0020_000D,
    0x0020_000E,
    0x0020_0011,
    0x0020_0052,
    0x0020_0060,
    0x0020_1209,
    0x0040_0244,
    0x0040_0245,
    0x0040_0250,
    0x0040_0251,
    0x0040_0253,
    0x0040_0254,
    0x0040_0260,
    0x0040_0275,
];

/// PS3.18 Table 10.6.3-5 and what viewers ask for besides.
pub const INSTANCE: &[u32] = &[
    0x0008_0005,
    0x0008_0008,
    0x0008_0012,
    0x0008_0013,
    0x0008_0016,
    0x0008_0018,
    0x0008_0022,
    0x0008_0023,
    0x0008_002A,
    0x0008_0032,
    0x0008_0033,
    0x0008_0056,
    0x0008_0201,
    0x0008_1190,
    0x0008_3002,
    0x0018_0050,
    0x0018_0060,
    0x0018_0081,
    0x0018_0088,
    0x0018_1150,
    0x0018_1151,
    0x0020_000D,
    0x0020_000E,
    0x0020_0012,
    0x0020_0013,
    0x0020_0032,
    0x0020_0037,
    0x0020_1041,
    0x0020_4000,
    0x0028_0002,
    0x0028_0004,
    0x0028_0008,
    0x0028_0010,
    0x0028_0011,
    0x0028_0030,
    0x0028_0100,
    0x0028_0101,
    0x0028_0102,
    0x0028_0103,
    0x0028_1050,
    0x0028_1051,
    0x0028_2110,
    0x0040_A043,
    0x0040_A491,
    0x0040_A493,
    0x0042_0010,
    0x0070_0080,
    0x0070_0081,
];

/// How a value lies in the index, and so how it is matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Each value folded, then as it is: all text but names.
    Text,
    /// Each value as it is: UIDs.
    Exact,
    /// Each component group folded, trailing carets left out, then as it is.
    Name,
    /// Each word of each component group, folded: for fuzzy matching.
    Words,
    /// The day as a span of time since the epoch, in milliseconds.
    Date,
    /// A span of milliseconds since midnight.
    Time,
    /// A date with the time that stands beside it, as a span since the epoch.
    DateTime { time: Tag },
    /// Whole numbers.
    Number,
}

/// One indexed attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Indexed {
    /// Of its [`Param`](lenticular_base::index::Param), the same at every level; never given to another.
    pub number: u16,
    /// The highest level that it belongs to; rows of all levels below have it too.
    pub level: Kind,
    /// Of an attribute within items: the sequences first.
    pub path: &'static [Tag],
    pub form: Form,
}

/// The words of Patient's Name.
pub const PATIENT_NAME_WORDS: u16 = 2;
/// The words of Referring Physician's Name.
pub const REFERRING_NAME_WORDS: u16 = 16;

macro_rules! indexed {
    ($($number:literal $level:ident $($tag:literal)/+, $form:expr;)*) => {
        /// Every indexed attribute. Lines are added at the end of a level with a new number, never changed.
        pub const INDEXED: &[Indexed] = &[$(
            Indexed { number: $number, level: Kind::$level, path: &[$(Tag($tag)),+], form: $form },
        )*];
    };
}

indexed! {
    1 STUDY 0x0010_0010, Form::Name;
    2 STUDY 0x0010_0010, Form::Words;
    3 STUDY 0x0010_0020, Form::Text;
    4 STUDY 0x0010_0021, Form::Text;
    5 STUDY 0x0010_0030, Form::Date;
    6 STUDY 0x0010_0040, Form::Text;
    7 STUDY 0x0020_000D, Form::Exact;
    8 STUDY 0x0020_0010, Form::Text;
    9 STUDY 0x0008_0020, Form::Date;
    10 STUDY 0x0008_0030, Form::Time;
    11 STUDY 0x0008_0020, Form::DateTime { time: Tag(0x0008_0030) };
    12 STUDY 0x0008_0050, Form::Text;
    13 STUDY 0x0008_1030, Form::Text;
    14 STUDY 0x0008_0061, Form::Text;
    15 STUDY 0x0008_0090, Form::Name;
    16 STUDY 0x0008_0090, Form::Words;
    17 STUDY 0x0008_0080, Form::Text;
    40 SERIES 0x0020_000E, Form::Exact;
    41 SERIES 0x0008_0060, Form::Text;
    42 SERIES 0x0020_0011, Form::Number;
    43 SERIES 0x0008_103E, Form::Text;
    44 SERIES 0x0008_0021, Form::Date;
    45 SERIES 0x0008_0031, Form::Time;
    46 SERIES 0x0008_0021, Form::DateTime { time: Tag(0x0008_0031) };
    47 SERIES 0x0018_0015, Form::Text;
    48 SERIES 0x0008_1010, Form::Text;
    49 SERIES 0x0018_1030, Form::Text;
    50 SERIES 0x0040_0244, Form::Date;
    51 SERIES 0x0040_0245, Form::Time;
    52 SERIES 0x0040_0244, Form::DateTime { time: Tag(0x0040_0245) };
    53 SERIES 0x0040_0275/0x0040_0009, Form::Text;
    54 SERIES 0x0040_0275/0x0040_1001, Form::Text;
    55 SERIES 0x0040_0275/0x0008_0050, Form::Text;
    80 INSTANCE 0x0008_0018, Form::Exact;
    81 INSTANCE 0x0008_0016, Form::Exact;
    82 INSTANCE 0x0020_0013, Form::Number;
    83 INSTANCE 0x0028_0010, Form::Number;
    84 INSTANCE 0x0028_0011, Form::Number;
    85 INSTANCE 0x0028_0100, Form::Number;
    86 INSTANCE 0x0028_0008, Form::Number;
    87 INSTANCE 0x0008_0023, Form::Date;
    88 INSTANCE 0x0008_0033, Form::Time;
    89 INSTANCE 0x0008_0023, Form::DateTime { time: Tag(0x0008_0033) };
}

/// Whether rows of `kind` hold what belongs to `level`.
pub(super) fn holds(kind: Kind, level: Kind) -> bool {
    level.0 <= kind.0
}

/// How an attribute is indexed by its own value, at a level that holds it.
pub fn indexed(kind: Kind, path: &[Tag]) -> Option<&'static Indexed> {
    let own = |form| !matches!(form, Form::Words | Form::DateTime { .. });
    INDEXED.iter().find(|entry| entry.path == path && own(entry.form) && holds(kind, entry.level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_numbers_are_given_once() {
        for table in [STUDY, SERIES, INSTANCE] {
            assert!(table.windows(2).all(|pair| pair[0] < pair[1]));
        }
        let mut numbers: Vec<u16> = INDEXED.iter().map(|entry| entry.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), INDEXED.len());
        assert!(Kind::STUDY < Kind::SERIES && Kind::SERIES < Kind::INSTANCE);
    }
}
