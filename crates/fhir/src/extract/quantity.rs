//! Numbers, quantities, ranges and sampled data to bounds and units (FHIR R4 §3.1.1.4.6 and §3.1.1.4.11).

use super::convert::Entries;
use lenticular_base::index::{Param, SEPARATOR, Value, cut};
use lenticular_base::tree::Tree;

/// The code system of currencies (FHIR R4 §2.24.0.11 Money).
pub const CURRENCIES: &str = "urn:iso:std:iso:4217";

/// The bound of a range that is open, or of `<` and `>` a value.
pub const UNBOUNDED: f64 = f64::MAX;

fn float(value: &Tree<'_>) -> Option<f64> {
    match value {
        Tree::Number(lexeme) => lexeme.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn float_at(value: &Tree<'_>, name: &str) -> Option<f64> {
    value.get(name).and_then(float)
}

/// A decimal or an integer, as a quantity without a unit.
pub fn number(out: &mut Entries, param: Param, value: &Tree<'_>) {
    if let Some(number) = float(value) {
        out.push(param, Value::Number { low: number, high: number, unit: String::new() });
    }
}

/// A Quantity; its comparator opens the range to one side.
pub fn quantity(out: &mut Entries, param: Param, value: &Tree<'_>) {
    let Some(number) = float_at(value, "value") else { return };
    let (low, high) = match value.text_at("comparator").as_deref() {
        Some("<" | "<=") => (-UNBOUNDED, number),
        Some(">" | ">=") => (number, UNBOUNDED),
        _ => (number, number),
    };
    bounded(out, param, low, high, value);
}

/// Money, its currency as a unit of [`CURRENCIES`].
pub fn money(out: &mut Entries, param: Param, value: &Tree<'_>) {
    let Some(number) = float_at(value, "value") else { return };
    let unit = value.text_at("currency").map(|code| unit(&code, CURRENCIES)).unwrap_or_default();
    out.push(param, Value::Number { low: number, high: number, unit });
}

/// A Range; an end that is not given is open.
pub fn range(out: &mut Entries, param: Param, value: &Tree<'_>) {
    let end = |name: &str| value.get(name).and_then(|end| Some((end, float_at(end, "value")?)));
    let (low, high) = (end("low"), end("high"));
    let Some((with_unit, _)) = low.or(high) else { return };
    let low = low.map_or(-UNBOUNDED, |(_, number)| number);
    let high = high.map_or(UNBOUNDED, |(_, number)| number);
    bounded(out, param, low, high, with_unit);
}

/// SampledData: from its least value to its greatest, `origin + factor * sample`.
pub fn sampled_data(out: &mut Entries, param: Param, value: &Tree<'_>) {
    let Some(origin) = value.get("origin") else { return };
    let zero = float_at(origin, "value").unwrap_or(0.0);
    let factor = float_at(value, "factor").unwrap_or(1.0);
    let Some(data) = value.text_at("data") else { return };
    let limit = |sample: &str| match sample {
        "L" => float_at(value, "lowerLimit"),
        "U" => float_at(value, "upperLimit"),
        // `E` is an error and has no value.
        _ => sample.parse().ok(),
    };
    let samples = data.split_ascii_whitespace().filter_map(limit).map(|sample| zero + factor * sample);
    let bounds =
        samples.filter(|sample| sample.is_finite()).fold(None, |bounds: Option<(f64, f64)>, sample| {
            Some(bounds.map_or((sample, sample), |(low, high)| (low.min(sample), high.max(sample))))
        });
    if let Some((low, high)) = bounds {
        bounded(out, param, low, high, origin);
    }
}

/// One entry with the coded unit, and one with its printed form where that is another: `5.4||mg` finds both.
fn bounded(out: &mut Entries, param: Param, low: f64, high: f64, quantity: &Tree<'_>) {
    let code = quantity.text_at("code");
    let printed = quantity.text_at("unit").filter(|unit| code.as_deref() != Some(unit));
    if let Some(code) = &code {
        let system = quantity.text_at("system").unwrap_or_default();
        out.push(param, Value::Number { low, high, unit: unit(code, &system) });
    }
    if let Some(printed) = &printed {
        out.push(param, Value::Number { low, high, unit: unit(printed, "") });
    }
    if code.is_none() && printed.is_none() {
        out.push(param, Value::Number { low, high, unit: String::new() });
    }
}

fn unit(code: &str, system: &str) -> String {
    cut(format!("{code}{SEPARATOR}{system}"))
}
