//! What users of the crate see: frames in, pixels and pictures out.

mod suite {
    mod codestreams;
    mod hostile;
    mod native;
    mod rendering;
}
