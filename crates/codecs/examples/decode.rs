//! Decodes one frame: its bytes on standard input, the samples on standard output, what they are on standard error.
//!
//! `decode UID ROWS COLUMNS SAMPLES ALLOCATED STORED HIGH_BIT SIGNED PHOTOMETRIC PLANAR [rgb]`
//!
//! With `rgb` the frame is converted to RGB first.

use std::io::{Read, Write};
use std::process::ExitCode;

use lenticular_codecs::{FrameInfo, Photometric, decode, to_rgb};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [uid, rows, columns, samples, allocated, stored, high_bit, signed, photometric, planar, rest @ ..] =
        arguments
    else {
        return Err("ten arguments are needed: see the top of this example".into());
    };
    let info = FrameInfo {
        rows: rows.parse()?,
        columns: columns.parse()?,
        samples_per_pixel: samples.parse()?,
        bits_allocated: allocated.parse()?,
        bits_stored: stored.parse()?,
        high_bit: high_bit.parse()?,
        signed: signed == "1",
        photometric: Photometric::parse(photometric),
        planar_configuration: planar.parse()?,
    };
    let mut data = Vec::new();
    std::io::stdin().read_to_end(&mut data)?;
    let start = std::time::Instant::now();
    let mut frame = decode(uid, &info, &data)?;
    let took = start.elapsed();
    if rest.iter().any(|argument| argument == "rgb") {
        frame = to_rgb(&frame)?;
    }
    let info = &frame.info;
    eprintln!(
        "{} {} {} {} {:.3}",
        info.photometric.as_str().replace(' ', "_"),
        info.bits_allocated,
        info.bits_stored,
        info.high_bit,
        took.as_secs_f64() * 1e3
    );
    std::io::stdout().write_all(&frame.pixels)?;
    Ok(())
}
