//! Data sets as users meet them: read, written, cut anyhow, damaged, asked for.

mod build;
mod frames;
mod limits;
mod properties;
mod queries;
mod reading;
mod rows;
