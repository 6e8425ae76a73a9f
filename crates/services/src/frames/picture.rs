//! How a data set wants its frames shown: Image Pixel Module, modality and VOI transforms, palettes, and for enhanced
//! objects the functional groups (PS3.3 §C.7.6.3, §C.11, §C.7.6.16).

use lenticular_base::{Fault, FaultKind};
use lenticular_codecs::render::{Lut, Palette, RenderOptions, Rescale, Window, WindowFunction};
use lenticular_codecs::{FrameInfo, Photometric};
use lenticular_dicom::dataset::{Bulk, DataSet, Element, Value};
use lenticular_dicom::tag::{Tag, tags};

pub(crate) const PLANAR_CONFIGURATION: Tag = tags::PLANAR_CONFIGURATION;
const PIXEL_PADDING_VALUE: Tag = Tag(0x0028_0120);
const PIXEL_PADDING_RANGE_LIMIT: Tag = Tag(0x0028_0121);
const WINDOW_CENTER: Tag = Tag(0x0028_1050);
const WINDOW_WIDTH: Tag = Tag(0x0028_1051);
const VOI_LUT_FUNCTION: Tag = Tag(0x0028_1056);
const RESCALE_INTERCEPT: Tag = Tag(0x0028_1052);
const RESCALE_SLOPE: Tag = Tag(0x0028_1053);
const MODALITY_LUT_SEQUENCE: Tag = Tag(0x0028_3000);
const VOI_LUT_SEQUENCE: Tag = Tag(0x0028_3010);
const PRESENTATION_LUT_SHAPE: Tag = Tag(0x2050_0020);
const PIXEL_SPACING: Tag = Tag(0x0028_0030);
const PIXEL_ASPECT_RATIO: Tag = Tag(0x0028_0034);
const IMAGER_PIXEL_SPACING: Tag = Tag(0x0018_1164);
const NOMINAL_SCANNED_PIXEL_SPACING: Tag = Tag(0x0018_2010);
const PIXEL_MEASURES: Tag = Tag(0x0028_9110);
const SHARED_FUNCTIONAL_GROUPS: Tag = Tag(0x5200_9229);
const PER_FRAME_FUNCTIONAL_GROUPS: Tag = Tag(0x5200_9230);
const PIXEL_VALUE_TRANSFORMATION: Tag = Tag(0x0028_9145);
const FRAME_VOI_LUT: Tag = Tag(0x0028_9132);
/// Descriptor, data and segmented data of each channel.
const PALETTES: [(Tag, Tag, Tag); 3] = [
    (Tag(0x0028_1101), Tag(0x0028_1201), Tag(0x0028_1221)),
    (Tag(0x0028_1102), Tag(0x0028_1202), Tag(0x0028_1222)),
    (Tag(0x0028_1103), Tag(0x0028_1203), Tag(0x0028_1223)),
];
/// A table of 65,536 entries of 16 bits, and room for what writers append.
const LARGEST_TABLE: u64 = 1 << 20;

/// Reads a value that was left in the stream, in little endian.
pub(crate) type ReadBulk<'a> = &'a mut dyn FnMut(&Bulk) -> Option<Vec<u8>>;

/// The Image Pixel Module.
pub(crate) fn frame_info(header: &DataSet) -> Result<FrameInfo, Fault> {
    let missing = |what: &str| {
        Fault::new(
            FaultKind::NotAcceptable,
            "frame-broken",
            format!("The object has no {what}; it is no image that can be decoded."),
        )
    };
    let small = |tag| header.integer(tag).and_then(|value| u16::try_from(value).ok());
    let bits_allocated =
        small(tags::BITS_ALLOCATED).filter(|bits| *bits > 0).ok_or_else(|| missing("Bits Allocated"))?;
    let bits_stored = small(tags::BITS_STORED).filter(|bits| *bits > 0).unwrap_or(bits_allocated);
    let photometric = header.plain(tags::PHOTOMETRIC_INTERPRETATION);
    let samples_per_pixel = small(tags::SAMPLES_PER_PIXEL).filter(|samples| *samples > 0).unwrap_or(1);
    Ok(FrameInfo {
        rows: u32::from(small(tags::ROWS).filter(|rows| *rows > 0).ok_or_else(|| missing("Rows"))?),
        columns: u32::from(
            small(tags::COLUMNS).filter(|columns| *columns > 0).ok_or_else(|| missing("Columns"))?,
        ),
        samples_per_pixel,
        bits_allocated,
        bits_stored,
        high_bit: small(tags::HIGH_BIT).unwrap_or(bits_stored.saturating_sub(1)),
        signed: header.integer(tags::PIXEL_REPRESENTATION) == Some(1),
        photometric: match photometric {
            Some(text) => Photometric::parse(&text),
            None if samples_per_pixel == 1 => Photometric::Monochrome2,
            None => Photometric::Rgb,
        },
        planar_configuration: small(tags::PLANAR_CONFIGURATION).unwrap_or(0),
    })
}

/// How frame `number` (from 1) is shown where nobody says otherwise: the first window, or else the VOI LUT.
pub(crate) fn options(header: &DataSet, number: u32, bulk: ReadBulk<'_>) -> RenderOptions {
    let values = group(header, number, PIXEL_VALUE_TRANSFORMATION, RESCALE_SLOPE);
    let shades = group(header, number, FRAME_VOI_LUT, WINDOW_CENTER);
    let padding = header.integer(PIXEL_PADDING_VALUE);
    RenderOptions {
        rescale: Rescale {
            slope: values
                .float(RESCALE_SLOPE)
                .filter(|slope| slope.is_finite() && *slope != 0.0)
                .unwrap_or(1.0),
            intercept: values.float(RESCALE_INTERCEPT).filter(|value| value.is_finite()).unwrap_or(0.0),
        },
        modality_lut: header.items(MODALITY_LUT_SEQUENCE).first().and_then(|item| table(item, bulk)),
        window: window(shades),
        voi_lut: header.items(VOI_LUT_SEQUENCE).first().and_then(|item| table(item, bulk)),
        palette: palette(header, bulk),
        inverse: is_inverse(header),
        padding: padding.map(|value| (value, header.integer(PIXEL_PADDING_RANGE_LIMIT).unwrap_or(value))),
        viewport: None,
        pixel_shape: pixel_shape(header, number),
    }
}

/// Whether a presentation LUT shape turns over what the photometric interpretation does not turn over already: a MONOCHROME1
/// object for presentation names INVERSE as well, and means it once (PS3.3 §C.8.11.3.1.2, §C.11.6).
fn is_inverse(header: &DataSet) -> bool {
    let says = |tag, value| header.plain(tag).as_deref() == Some(value);
    says(PRESENTATION_LUT_SHAPE, "INVERSE") && !says(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME1")
}

/// Height of a pixel by its width: of the patient, at the detector, of what was scanned, or by itself (PS3.3 §10.7).
fn pixel_shape(header: &DataSet, number: u32) -> Option<f64> {
    let measures = group(header, number, PIXEL_MEASURES, PIXEL_SPACING);
    [
        (measures, PIXEL_SPACING),
        (header, IMAGER_PIXEL_SPACING),
        (header, NOMINAL_SCANNED_PIXEL_SPACING),
        (header, PIXEL_ASPECT_RATIO),
    ]
    .into_iter()
    .find_map(|(item, tag)| match item.get(tag)?.floats()[..] {
        [down, across] if down > 0.0 && across > 0.0 => Some(down / across),
        _ => None,
    })
}

/// The item that tells an attribute for one frame: of the frame's own groups, of those all frames share, or the data set.
fn group(header: &DataSet, number: u32, sequence: Tag, attribute: Tag) -> &DataSet {
    let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    let per_frame = header.items(PER_FRAME_FUNCTIONAL_GROUPS).get(index);
    let shared = header.items(SHARED_FUNCTIONAL_GROUPS).first();
    [per_frame, shared]
        .into_iter()
        .flatten()
        .filter_map(|groups| groups.items(sequence).first())
        .find(|item| item.get(attribute).is_some())
        .unwrap_or(header)
}

/// The first window of which centre and width make sense.
fn window(item: &DataSet) -> Option<Window> {
    let function =
        item.plain(VOI_LUT_FUNCTION).and_then(|text| WindowFunction::parse(&text)).unwrap_or_default();
    let least = if function == WindowFunction::Linear { 1.0 } else { f64::MIN_POSITIVE };
    let centers = item.get(WINDOW_CENTER)?.floats();
    let widths = item.get(WINDOW_WIDTH)?.floats();
    centers
        .into_iter()
        .zip(widths)
        .find(|(center, width)| center.is_finite() && width.is_finite() && *width >= least)
        .map(|(center, width)| Window { center, width, function })
}

fn bytes_of(element: &Element, bulk: ReadBulk<'_>) -> Option<Vec<u8>> {
    match &element.value {
        Value::Bytes(bytes) => Some(bytes.to_vec()),
        Value::Bulk(place) if place.length <= LARGEST_TABLE && !place.encapsulated => bulk(place),
        _ => None,
    }
}

/// Number of entries (0 is 65,536), first value mapped, bits of an entry.
fn descriptor(item: &DataSet, tag: Tag) -> Option<(u16, i32, u16)> {
    let values = item.get(tag)?.integers();
    let [entries, first, bits] = values.get(..3)?.try_into().ok()?;
    Some(((entries & 0xffff) as u16, i32::try_from(first).ok()?, u16::try_from(bits).ok()?))
}

fn table(item: &DataSet, bulk: ReadBulk<'_>) -> Option<Lut> {
    let (entries, first, bits) = descriptor(item, tags::LUT_DESCRIPTOR)?;
    Lut::new(entries, first, bits, &bytes_of(item.get(tags::LUT_DATA)?, bulk)?).ok()
}

fn palette(header: &DataSet, bulk: ReadBulk<'_>) -> Option<Palette> {
    let mut channels = Vec::with_capacity(3);
    for (descriptor_tag, plain, segmented) in PALETTES {
        let (entries, first, bits) = descriptor(header, descriptor_tag)?;
        let lut = match header.get(segmented).filter(|element| !element.is_empty()) {
            Some(element) => Lut::segmented(entries, first, bits, &bytes_of(element, bulk)?),
            None => Lut::new(entries, first, bits, &bytes_of(header.get(plain)?, bulk)?),
        };
        channels.push(lut.ok()?);
    }
    let [red, green, blue] = channels.try_into().ok()?;
    Some(Palette::new(red, green, blue))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lenticular_dicom::vr::Vr;

    fn shorts(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn windowed(center: &str, width: &str) -> DataSet {
        DataSet::new(vec![
            Element::new(WINDOW_CENTER, Vr::Ds, center),
            Element::new(WINDOW_WIDTH, Vr::Ds, width),
        ])
    }

    fn none(_: &Bulk) -> Option<Vec<u8>> {
        None
    }

    #[test]
    fn the_first_window_that_makes_sense_is_shown() {
        let shown = |center, width| {
            options(&windowed(center, width), 1, &mut none).window.map(|w| (w.center, w.width))
        };
        assert_eq!(shown("40\\-600", "400\\1500"), Some((40.0, 400.0)));
        assert_eq!(shown("40\\-600", "0\\1500"), Some((-600.0, 1500.0)));
        assert_eq!(shown("x", "400"), None);
        assert_eq!(options(&DataSet::default(), 1, &mut none).window, None);
    }

    #[test]
    fn a_frame_has_its_own_groups_then_the_shared_then_the_data_set() {
        let groups =
            |center: &str| DataSet::new(vec![Element::sequence(FRAME_VOI_LUT, vec![windowed(center, "10")])]);
        let rescaled = DataSet::new(vec![Element::sequence(
            PIXEL_VALUE_TRANSFORMATION,
            vec![DataSet::new(vec![
                Element::new(RESCALE_INTERCEPT, Vr::Ds, "-1024"),
                Element::new(RESCALE_SLOPE, Vr::Ds, "2"),
            ])],
        )]);
        let mut header = windowed("3", "10");
        header.set(Element::sequence(SHARED_FUNCTIONAL_GROUPS, vec![rescaled]));
        header.set(Element::sequence(PER_FRAME_FUNCTIONAL_GROUPS, vec![groups("1"), groups("2")]));
        let center = |number| options(&header, number, &mut none).window.map(|window| window.center);
        assert_eq!([center(1), center(2), center(3)], [Some(1.0), Some(2.0), Some(3.0)]);
        let rescale = options(&header, 2, &mut none).rescale;
        assert_eq!((rescale.slope, rescale.intercept), (2.0, -1024.0));
    }

    #[test]
    fn a_radiograph_that_says_twice_that_low_is_bright_is_turned_over_once() {
        let inverse = |photometric: &str, shape: &str| {
            let header = DataSet::new(vec![
                Element::new(tags::PHOTOMETRIC_INTERPRETATION, Vr::Cs, photometric),
                Element::new(PRESENTATION_LUT_SHAPE, Vr::Cs, shape),
            ]);
            options(&header, 1, &mut none).inverse
        };
        assert!(!inverse("MONOCHROME1", "INVERSE"), "the photometric interpretation does it");
        assert!(!inverse("MONOCHROME1", "IDENTITY"));
        assert!(inverse("MONOCHROME2", "INVERSE"));
        assert!(!inverse("MONOCHROME2", "IDENTITY"));
    }

    #[test]
    fn pixels_have_the_shape_that_they_have_in_the_patient() {
        let with = |tag, value: &str| DataSet::new(vec![Element::new(tag, Vr::Ds, value)]);
        let shape = |header: &DataSet| options(header, 1, &mut none).pixel_shape;
        assert_eq!(shape(&with(PIXEL_SPACING, "0.75\\0.5")), Some(1.5));
        assert_eq!(shape(&with(IMAGER_PIXEL_SPACING, "0.1\\0.2")), Some(0.5));
        assert_eq!(shape(&with(PIXEL_ASPECT_RATIO, "4\\3")), Some(4.0 / 3.0));
        for broken in ["0\\1", "1", "a\\b", "-1\\-1"] {
            assert_eq!(shape(&with(PIXEL_SPACING, broken)), None, "{broken}");
        }
        let mut enhanced = with(PIXEL_ASPECT_RATIO, "1\\1");
        let measures = Element::sequence(PIXEL_MEASURES, vec![with(PIXEL_SPACING, "2\\1")]);
        enhanced.set(Element::sequence(SHARED_FUNCTIONAL_GROUPS, vec![DataSet::new(vec![measures])]));
        assert_eq!(shape(&enhanced), Some(2.0));
    }

    #[test]
    fn tables_may_lie_in_the_stream() {
        let mut header = DataSet::default();
        for (at, (descriptor_tag, plain, _)) in PALETTES.into_iter().enumerate() {
            header.set(Element::new(descriptor_tag, Vr::Us, shorts(&[2, 0, 16])));
            let place = Bulk { offset: at as u64, length: 4, encapsulated: false };
            header.set(Element { tag: plain, vr: Vr::Ow, value: Value::Bulk(place) });
        }
        let mut read = |bulk: &Bulk| Some(shorts(&[0, 0x1000 * (bulk.offset as u16 + 1)]));
        let shown = options(&header, 1, &mut read);
        assert_eq!(shown.palette.map(|palette| palette.color(1)), Some([0x10, 0x20, 0x30]));
        assert!(options(&header, 1, &mut none).palette.is_none());
    }

    #[test]
    fn what_is_no_image_is_said_so() {
        assert_eq!(frame_info(&DataSet::default()).unwrap_err().kind, FaultKind::NotAcceptable);
        let header = DataSet::new(vec![
            Element::new(tags::ROWS, Vr::Us, shorts(&[2])),
            Element::new(tags::COLUMNS, Vr::Us, shorts(&[3])),
            Element::new(tags::BITS_ALLOCATED, Vr::Us, shorts(&[16])),
            Element::new(tags::BITS_STORED, Vr::Us, shorts(&[12])),
        ]);
        let info = frame_info(&header).unwrap();
        assert_eq!((info.rows, info.columns, info.high_bit, info.samples_per_pixel), (2, 3, 11, 1));
        assert_eq!(info.photometric, Photometric::Monochrome2);
    }
}
