//! (opening doc)
