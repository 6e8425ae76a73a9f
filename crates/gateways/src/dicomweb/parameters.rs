//! Query parameters of rendered resources (PS3.18 §8.3.5, §10.4.1.1).

use super::accept::{Accept, Wanted};
use lenticular_base::{Fault, FaultKind};
use lenticular_services::frames::{Acceptable, Rendering, Viewport, Window, WindowFunction};

/// Quality of JPEG where none is asked for.
const QUALITY: u8 = 90;
/// The box of a thumbnail, in pixels.
const THUMBNAIL: u32 = 128;

/// What picture is asked for, and how it is answered.
pub fn rendering(
    accept: &Accept,
    query: &[(String, String)],
    single: bool,
) -> Result<(Rendering, Wanted), Fault> {
    let wanted = accept.pictures(single)?;
    // A picture comes alone wherever the client takes it so, and several never do.
    let forms = wanted.acceptable();
    let first = forms.first().map_or("*/*", |form| form.media.as_str());
    let png = first == "image/png";
    let any = |form: &Acceptable| form.media == "*/*";
    let multipart = !single || (wanted.is_multipart(0) && !forms.first().is_some_and(any));
    let media = if png { "image/png" } else { "image/jpeg" };
    let wanted =
        Wanted::new(vec![(Acceptable { media: media.to_owned(), transfer_syntax: None }, multipart)]);
    let mut rendering = Rendering { png, quality: QUALITY, window: None, viewport: None };
    for (name, value) in query {
        match name.as_str() {
            "quality" => {
                let quality = value.parse().ok().filter(|quality| (1..=100).contains(quality));
                rendering.quality =
                    quality.ok_or_else(|| invalid("quality", "a whole number from 1 to 100"))?;
            }
            "window" => rendering.window = Some(window(value)?),
            "viewport" => {
                let viewport = Viewport::parse(value).ok_or_else(|| {
                    invalid("viewport", "vw,vh or vw,vh,sx,sy,sw,sh with sides from 1 to 16384")
                })?;
                rendering.viewport = Some(viewport);
            }
            "annotation" => return Err(unsupported("annotation", "Pictures are made without annotations.")),
            "iccprofile" if value != "no" => {
                return Err(unsupported(
                    "iccprofile",
                    "Pictures are made without a colour profile: iccprofile=no.",
                ));
            }
            "presentationUID" | "presentationSeriesUID" => {
                return Err(unsupported("presentation", "Presentation states are not applied."));
            }
            _ => {}
        }
    }
    Ok((rendering, wanted))
}

/// A small picture.
pub fn thumbnail(accept: &Accept, query: &[(String, String)]) -> Result<(Rendering, Wanted), Fault> {
    let (mut rendering, wanted) = rendering(accept, query, true)?;
    rendering.viewport.get_or_insert(Viewport::whole(THUMBNAIL, THUMBNAIL));
    Ok((rendering, wanted))
}

/// `centre,width,function` (PS3.18 §8.3.5.1.4); the function may be left out.
fn window(value: &str) -> Result<Window, Fault> {
    let wrong =
        || invalid("window", "center,width,function, with linear, linear-exact or sigmoid as function");
    let parts: Vec<&str> = value.split(',').map(str::trim).collect();
    let (center, width, function) = match parts[..] {
        [center, width] => (center, width, WindowFunction::Linear),
        [center, width, function] if !function.is_empty() => {
            (center, width, WindowFunction::parse(function).ok_or_else(wrong)?)
        }
        _ => return Err(wrong()),
    };
    let number = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite());
    let least = if function == WindowFunction::Linear { 1.0 } else { f64::MIN_POSITIVE };
    let center = number(center).ok_or_else(wrong)?;
    let width = number(width).filter(|width| *width >= least).ok_or_else(wrong)?;
    Ok(Window { center, width, function })
}

fn invalid(name: &str, expected: &str) -> Fault {
    Fault::new(FaultKind::Invalid, "render-option", format!("{name} is {expected}."))
}

fn unsupported(code: &'static str, words: &str) -> Fault {
    Fault::new(FaultKind::Invalid, code, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use http::header::ACCEPT;

    fn check(accept: &str, query: &[(&str, &str)], single: bool) -> Result<(Rendering, Wanted), u16> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        let query: Vec<_> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let accept = Accept::of(&headers, &[]).unwrap();
        rendering(&accept, &query, single).map_err(|fault| fault.kind.meaning().http)
    }

    #[test]
    fn a_picture_comes_as_asked() {
        let form =
            |accept, single| check(accept, &[], single).map(|(r, wanted)| (r.png, wanted.is_multipart(0)));
        assert_eq!(form("image/png", true), Ok((true, false)));
        assert_eq!(form("*/*", true), Ok((false, false)));
        assert_eq!(form("image/*", true), Ok((false, false)));
        assert_eq!(form("multipart/related; type=\"image/png\"", true), Ok((true, true)));
        assert_eq!(form("multipart/related; type=\"image/jpeg\"", false), Ok((false, true)));
        assert_eq!(form("image/gif", true), Err(406));
        assert_eq!(form("image/jpeg", false), Err(406));
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        let with = |name, value| check("image/png", &[(name, value)], true).map(|(rendering, _)| rendering);
        let window = with("window", "-600,1500,linear-exact").unwrap().window.unwrap();
        assert_eq!(
            (window.center, window.width, window.function),
            (-600.0, 1500.0, WindowFunction::LinearExact)
        );
        assert_eq!(with("quality", "7").unwrap().quality, 7);
        assert!(with("iccprofile", "no").is_ok() && with("iccprofile", "srgb").is_err());
        for (name, value) in [
            ("window", "40"),
            ("window", "40,0,linear"),
            ("window", "a,1,linear"),
            ("window", "1,1,cubic"),
            ("window", "NaN,1,linear"),
            ("viewport", "0,0"),
            ("viewport", "100000,100000"),
            ("quality", "900"),
            ("quality", "0"),
            ("annotation", "patient"),
        ] {
            assert_eq!(with(name, value), Err(400), "{name}={value}");
        }
    }
}
