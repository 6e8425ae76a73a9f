//! Value representations (PS3.5 §6.2).

use std::fmt;

macro_rules! value_representations {
    ($($name:ident $code:literal,)*) => {
        /// How the value of an element is written. Representations that this table does not know are `Un`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Vr { $($name,)* }

        impl Vr {
            /// Every value representation of the standard.
            pub const ALL: &[Vr] = &[$(Vr::$name,)*];

            /// The two letters of the standard.
            pub const fn as_str(self) -> &'static str {
                match self { $(Vr::$name => $code,)* }
            }

            /// The value representation with these two letters.
            pub fn parse(code: &str) -> Option<Vr> {
                match code { $($code => Some(Vr::$name),)* _ => None }
            }
        }
    };
}

value_representations! {
    Ae "AE", As "AS", At "AT", Cs "CS", Da "DA", Ds "DS", Dt "DT", Fd "FD", Fl "FL", Is "IS", Lo "LO", Lt "LT",
    Ob "OB", Od "OD", Of "OF", Ol "OL", Ov "OV", Ow "OW", Pn "PN", Sh "SH", Sl "SL", Sq "SQ", Ss "SS", St "ST",
    Sv "SV", Tm "TM", Uc "UC", Ui "UI", Ul "UL", Un "UN", Ur "UR", Us "US", Ut "UT", Uv "UV",
}

impl Vr {
    /// The value representation that two bytes of a stream name.
    pub fn from_bytes(code: [u8; 2]) -> Option<Vr> {
        std::str::from_utf8(&code).ok().and_then(Vr::parse)
    }

    /// Written with a reserved field and a 32-bit length (PS3.5 §7.1.2).
    pub const fn is_long(self) -> bool {
        matches!(
            self,
            Vr::Ob
                | Vr::Od
                | Vr::Of
                | Vr::Ol
                | Vr::Ov
                | Vr::Ow
                | Vr::Sq
                | Vr::Sv
                | Vr::Uc
                | Vr::Un
                | Vr::Ur
                | Vr::Ut
                | Vr::Uv
        )
    }

    /// Bytes without values of their own in DICOM JSON: `InlineBinary` (PS3.18 §F.2.7).
    pub const fn is_binary(self) -> bool {
        matches!(self, Vr::Ob | Vr::Od | Vr::Of | Vr::Ol | Vr::Ov | Vr::Ow | Vr::Un)
    }

    /// Text in the repertoire that Specific Character Set names (PS3.5 §6.1.2.3).
    pub const fn is_localised(self) -> bool {
        matches!(self, Vr::Lo | Vr::Lt | Vr::Pn | Vr::Sh | Vr::St | Vr::Uc | Vr::Ut)
    }

    /// Text of any kind.
    pub const fn is_text(self) -> bool {
        self.is_localised()
            || matches!(
                self,
                Vr::Ae | Vr::As | Vr::Cs | Vr::Da | Vr::Ds | Vr::Dt | Vr::Is | Vr::Tm | Vr::Ui | Vr::Ur
            )
    }

    /// One value only: a backslash is an ordinary character.
    pub const fn is_single_text(self) -> bool {
        matches!(self, Vr::Lt | Vr::St | Vr::Ut | Vr::Ur)
    }

    /// Bytes of one number, which big endian turns round; 1 where there is nothing to turn. An AT is two of 2.
    pub const fn unit(self) -> usize {
        match self {
            Vr::At | Vr::Ow | Vr::Ss | Vr::Us => 2,
            Vr::Fl | Vr::Of | Vr::Ol | Vr::Sl | Vr::Ul => 4,
            Vr::Fd | Vr::Od | Vr::Ov | Vr::Sv | Vr::Uv => 8,
            _ => 1,
        }
    }
}

impl fmt::Display for Vr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
