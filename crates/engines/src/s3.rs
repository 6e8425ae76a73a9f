//! Blobs in an object store that speaks S3, as immutable objects that are byte for byte the files of the embedded engine.

#[cfg(test)]
mod faulty;
pub mod objects;
pub mod place;
#[cfg(test)]
mod scenes;
