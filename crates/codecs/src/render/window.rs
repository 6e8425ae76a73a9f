//! VOI LUT functions (PS3.3 §C.11.2.1).

use crate::CodecError;

/// VOI LUT Function (0028,1056).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WindowFunction {
    /// PS3.3 §C.11.2.1.2.1
    #[default]
    Linear,
    /// PS3.3 §C.11.2.1.3.2
    LinearExact,
    /// PS3.3 §C.11.2.1.3.1
    Sigmoid,
}

impl WindowFunction {
    /// Reads the attribute's value or the `window` parameter's third part (`linear`, `linear-exact`, `sigmoid`; PS3.18 §8.3.5.1.4).
    pub fn parse(value: &str) -> Option<Self> {
        match value.trim_matches([' ', '\0']).to_ascii_uppercase().replace('-', "_").as_str() {
            "" | "LINEAR" => Some(Self::Linear),
            "LINEAR_EXACT" => Some(Self::LinearExact),
            "SIGMOID" => Some(Self::Sigmoid),
            _ => None,
        }
    }
}

/// Window Center (0028,1050) and Window Width (0028,1051), in units after the modality transform.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    pub center: f64,
    /// At least 1 for [`WindowFunction::Linear`], above 0 for the others.
    pub width: f64,
    pub function: WindowFunction,
}

impl Window {
    pub(crate) fn checked(self) -> Result<Self, CodecError> {
        let enough = match self.function {
            WindowFunction::Linear => self.width >= 1.0,
            WindowFunction::LinearExact | WindowFunction::Sigmoid => self.width > 0.0,
        };
        if enough && self.width.is_finite() && self.center.is_finite() {
            return Ok(self);
        }
        Err(CodecError::BadOption(format!("window center {}, width {}", self.center, self.width)))
    }

    /// The output value for `x`, 0 to 255, by the formula of the standard.
    pub(crate) fn apply(self, x: f64) -> f64 {
        let Self { center: c, width: w, function } = self;
        match function {
            WindowFunction::Linear => {
                let (middle, span) = (c - 0.5, w - 1.0);
                if x <= middle - span / 2.0 {
                    0.0
                } else if x > middle + span / 2.0 {
                    255.0
                } else {
                    ((x - middle) / span + 0.5) * 255.0
                }
            }
            WindowFunction::LinearExact => {
                if x <= c - w / 2.0 {
                    0.0
                } else if x > c + w / 2.0 {
                    255.0
                } else {
                    ((x - c) / w + 0.5) * 255.0
                }
            }
            WindowFunction::Sigmoid => 255.0 / (1.0 + (-4.0 * (x - c) / w).exp()),
        }
    }
}
