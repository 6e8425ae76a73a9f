//! Marker segments (ITU-T T.81 Annex B).

use super::corrupt;
use super::huffman::Table;
use crate::CodecError;

/// How the entropy-coded data is to be read, by SOF marker (T.81 table B.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// SOF0, SOF1
    Sequential,
    /// SOF2
    Progressive,
    /// SOF3
    Lossless,
}

/// What the application segments say of three components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColorHint {
    None,
    Rgb,
    Ycc,
}

#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) h: u32,
    pub(super) v: u32,
    pub(super) quantisation: usize,
    /// Samples across and down (T.81 §A.1.1).
    pub(super) columns: u32,
    pub(super) rows: u32,
}

/// SOFn (T.81 §B.2.2).
#[derive(Debug, Clone)]
pub(super) struct FrameHeader {
    pub(super) process: Process,
    pub(super) precision: u8,
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) h_max: u32,
    pub(super) v_max: u32,
    pub(super) components: Vec<Component>,
}

impl FrameHeader {
    /// `declared_rows` stands in for a line count that a DNL segment would bring later (rows = 0).
    pub(super) fn read(process: Process, body: &[u8], declared_rows: u32) -> Result<Self, CodecError> {
        let [precision, r1, r0, c1, c0, count, list @ ..] = body else {
            return Err(corrupt("a frame header cut short"));
        };
        let rows = u32::from(u16::from_be_bytes([*r1, *r0]));
        let rows = if rows == 0 { declared_rows.min(65_535) } else { rows };
        let columns = u32::from(u16::from_be_bytes([*c1, *c0]));
        let good_precision = match process {
            Process::Lossless => (2..=16).contains(precision),
            _ => matches!(precision, 8 | 12),
        };
        let count = usize::from(*count);
        if rows == 0 || columns == 0 || !good_precision || !(1..=4).contains(&count) || list.len() < count * 3
        {
            return Err(corrupt(format!(
                "a frame header of {precision} bits, {columns}x{rows}, {count} components"
            )));
        }
        let mut components = Vec::with_capacity(count);
        for spec in list[..count * 3].chunks_exact(3) {
            let (h, v) = (u32::from(spec[1] >> 4), u32::from(spec[1] & 15));
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) || spec[2] > 3 {
                return Err(corrupt("a component with impossible sampling factors"));
            }
            components.push(Component {
                id: spec[0],
                h,
                v,
                quantisation: usize::from(spec[2]),
                columns: 0,
                rows: 0,
            });
        }
        let h_max = components.iter().map(|component| component.h).max().unwrap_or(1);
        let v_max = components.iter().map(|component| component.v).max().unwrap_or(1);
        for component in &mut components {
            component.columns = (columns * component.h).div_ceil(h_max);
            component.rows = (rows * component.v).div_ceil(v_max);
        }
        Ok(Self { process, precision: *precision, rows, columns, h_max, v_max, components })
    }
}

/// One component of a scan, with its tables' numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanComponent {
    pub(super) index: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// SOS (T.81 §B.2.3).
#[derive(Debug, Clone)]
pub(super) struct ScanHeader {
    pub(super) components: Vec<ScanComponent>,
    /// Ss: first coefficient; the predictor in lossless.
    pub(super) start: u8,
    /// Se
    pub(super) end: u8,
    /// Ah
    pub(super) high: u8,
    /// Al; the point transform in lossless.
    pub(super) low: u8,
}

impl ScanHeader {
    pub(super) fn read(body: &[u8], frame: &FrameHeader) -> Result<Self, CodecError> {
        let (&count, rest) = body.split_first().ok_or_else(|| corrupt("an empty scan header"))?;
        let count = usize::from(count);
        if !(1..=frame.components.len()).contains(&count) || rest.len() < count * 2 + 3 {
            return Err(corrupt("a scan header of impossible length"));
        }
        let mut components: Vec<ScanComponent> = Vec::with_capacity(count);
        for spec in rest[..count * 2].chunks_exact(2) {
            let (dc, ac) = (usize::from(spec[1] >> 4), usize::from(spec[1] & 15));
            let index = frame.components.iter().position(|component| component.id == spec[0]);
            let Some(index) = index.filter(|index| components.iter().all(|known| known.index != *index))
            else {
                return Err(corrupt("a scan of an unknown component"));
            };
            if dc > 3 || ac > 3 {
                return Err(corrupt("a scan with an impossible table"));
            }
            components.push(ScanComponent { index, dc, ac });
        }
        let tail = &rest[count * 2..];
        Ok(Self { components, start: tail[0], end: tail[1], high: tail[2] >> 4, low: tail[2] & 15 })
    }
}

/// What DQT, DHT and DRI have set so far.
#[derive(Default)]
pub(super) struct Tables {
    /// In natural (row by row) order.
    pub(super) quantisation: [Option<[u16; 64]>; 4],
    pub(super) dc: [Option<Table>; 4],
    pub(super) ac: [Option<Table>; 4],
    /// MCUs between restart markers; 0 for none.
    pub(super) restart_interval: u32,
}

impl Tables {
    /// DQT (T.81 §B.2.4.1).
    pub(super) fn read_quantisation(&mut self, mut body: &[u8]) -> Result<(), CodecError> {
        while let Some((&kind, rest)) = body.split_first() {
            let (wide, number) = (kind >> 4, usize::from(kind & 15));
            let length = if wide == 0 { 64 } else { 128 };
            if wide > 1 || number > 3 || rest.len() < length {
                return Err(corrupt("a quantisation table of impossible form"));
            }
            let mut table = [0u16; 64];
            for (position, &natural) in ZIGZAG.iter().enumerate() {
                table[usize::from(natural)] = if wide == 0 {
                    u16::from(rest[position])
                } else {
                    u16::from_be_bytes([rest[position * 2], rest[position * 2 + 1]])
                };
            }
            self.quantisation[number] = Some(table);
            body = &rest[length..];
        }
        Ok(())
    }

    /// DHT (T.81 §B.2.4.2).
    pub(super) fn read_huffman(&mut self, mut body: &[u8]) -> Result<(), CodecError> {
        while let Some((&kind, rest)) = body.split_first() {
            let (class, number) = (kind >> 4, usize::from(kind & 15));
            let Some((counts, rest)) = rest.split_first_chunk::<16>() else {
                return Err(corrupt("a Huffman table cut short"));
            };
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            if class > 1 || number > 3 || total > 256 || rest.len() < total {
                return Err(corrupt("a Huffman table of impossible form"));
            }
            let table = Table::new(counts, &rest[..total])?;
            if class == 0 {
                self.dc[number] = Some(table);
            } else {
                self.ac[number] = Some(table);
            }
            body = &rest[total..];
        }
        Ok(())
    }

    /// DRI (T.81 §B.2.4.4).
    pub(super) fn read_restart_interval(&mut self, body: &[u8]) -> Result<(), CodecError> {
        let [high, low, ..] = body else {
            return Err(corrupt("a restart interval cut short"));
        };
        self.restart_interval = u32::from(u16::from_be_bytes([*high, *low]));
        Ok(())
    }
}

/// Position in the zig-zag sequence to natural order (T.81 figure A.6).
pub(super) const ZIGZAG: [u8; 64] = zigzag();

const fn zigzag() -> [u8; 64] {
    let mut order = [0u8; 64];
    let (mut row, mut column, mut up) = (0i8, 0i8, true);
    let mut position = 0;
    while position < 64 {
        order[position] = (row * 8 + column) as u8;
        position += 1;
        if up {
            if column == 7 {
                row += 1;
                up = false;
            } else if row == 0 {
                column += 1;
                up = false;
            } else {
                row -= 1;
                column += 1;
            }
        } else if row == 7 {
            column += 1;
            up = true;
        } else if column == 0 {
            row += 1;
            up = true;
        } else {
            row += 1;
            column -= 1;
        }
    }
    order
}
