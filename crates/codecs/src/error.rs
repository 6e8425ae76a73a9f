//! What can go wrong between bytes and pixels.

use lenticular_base::{Fault, FaultKind};
use thiserror::Error;

/// Why a frame could not be decoded, encoded or rendered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// No decoder for this transfer syntax.
    #[error("transfer syntax {0} is not decoded here")]
    UnsupportedTransferSyntax(String),
    /// The transfer syntax is known, the codestream uses a feature of it that is not.
    #[error("{codec}: {feature} is not supported")]
    Unsupported { codec: &'static str, feature: String },
    /// The bytes break the rules of their format, or end too early.
    #[error("{codec}: {reason}")]
    Corrupt { codec: &'static str, reason: String },
    /// The codestream is sound, but is not the image that the data set describes.
    #[error("{codec}: the data set says {declared}, the codestream {found}")]
    Mismatch { codec: &'static str, declared: String, found: String },
    /// The attributes contradict themselves (no rows, more bits stored than allocated, …).
    #[error("impossible image attributes: {0}")]
    BadAttributes(String),
    /// A rendering option from the caller is out of range (window, viewport).
    #[error("impossible rendering option: {0}")]
    BadOption(String),
    /// The decoded frame would be larger than the caller allows.
    #[error("the frame needs {bytes} bytes, the limit is {limit}")]
    TooLarge { bytes: u64, limit: u64 },
    /// The target format cannot hold this image (12 bits in baseline JPEG, for one).
    #[error("not representable: {0}")]
    NotRepresentable(String),
}

impl CodecError {
    pub(crate) fn corrupt(codec: &'static str, reason: impl Into<String>) -> Self {
        Self::Corrupt { codec, reason: reason.into() }
    }

    pub(crate) fn unsupported(codec: &'static str, feature: impl Into<String>) -> Self {
        Self::Unsupported { codec, feature: feature.into() }
    }

    pub(crate) fn mismatch(
        codec: &'static str,
        declared: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Mismatch { codec, declared: declared.to_string(), found: found.to_string() }
    }
}

impl From<CodecError> for Fault {
    /// A frame that cannot be decoded is still served as it is stored: asking for it otherwise is not acceptable (PS3.18 §8.7.8), and no defect here.
    fn from(error: CodecError) -> Self {
        let (kind, code) = match &error {
            CodecError::UnsupportedTransferSyntax(_) | CodecError::Unsupported { .. } => {
                (FaultKind::NotAcceptable, "codec-unsupported")
            }
            CodecError::NotRepresentable(_) => (FaultKind::NotAcceptable, "not-representable"),
            CodecError::Corrupt { .. } | CodecError::Mismatch { .. } | CodecError::BadAttributes(_) => {
                (FaultKind::NotAcceptable, "frame-broken")
            }
            CodecError::BadOption(_) => (FaultKind::Invalid, "render-option"),
            CodecError::TooLarge { .. } => (FaultKind::TooLarge, "frame-too-large"),
        };
        Fault::new(kind, code, format!("The image cannot be given in this form: {error}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_decoded_is_not_acceptable_and_a_bad_option_is_invalid() {
        let kind = |error: CodecError| Fault::from(error).kind;
        assert_eq!(kind(CodecError::UnsupportedTransferSyntax("1.2".to_owned())), FaultKind::NotAcceptable);
        assert_eq!(kind(CodecError::corrupt("RLE", "no header")), FaultKind::NotAcceptable);
        assert_eq!(kind(CodecError::BadOption("a viewport of 0x0".to_owned())), FaultKind::Invalid);
        assert_eq!(kind(CodecError::TooLarge { bytes: 2, limit: 1 }), FaultKind::TooLarge);
    }
}
