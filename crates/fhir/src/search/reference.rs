//! References in search values (FHIR R4 §3.1.1.4.9): `id`, `Type/id`, URLs, canonical URLs with a version.

use super::SearchError;
use super::modifier::Modifier;
use super::split::unescape;
use super::value::Reader;
use crate::extract::shape_of;
use crate::kinds;
use lenticular_base::index::{Param, SEPARATOR, Test, cut};
use lenticular_base::{Kind, LogicalId};

/// Adds the tests of one value.
pub(super) fn tests(reader: &Reader<'_>, value: &str, any: &mut Vec<Test>) -> Result<(), SearchError> {
    let param = reader.param.param;
    let shape = shape_of(param);
    if let Modifier::Type(kind) = reader.modifier {
        any.push(Test::Is(param, of_type(reader, kind, value)?));
        return Ok(());
    }
    if shape.canonical
        && let Some((url, version)) = split_canonical(value)
    {
        any.push(Test::Is(param, cut(format!("{}{SEPARATOR}{}", unescape(url), unescape(version)))));
        return Ok(());
    }
    let text = unescape(value);
    if text.starts_with("urn:") || text.contains("://") {
        url(param, &text, reader.context.base_url, shape.canonical, any);
        return Ok(());
    }
    if let Some((kind, id)) = type_and_id(&text) {
        let kind = kinds::kind(kind)
            .ok_or_else(|| reader.wrong(value, format!("'{kind}' is not a resource type")))?;
        any.push(Test::Is(param, format!("{}/{}", kinds::name(kind), checked_id(reader, id)?)));
        return Ok(());
    }
    let id = checked_id(reader, &text)?;
    let wanted = |kind: Kind| match &shape.only {
        Some(only) => only.iter().any(|name| name == kinds::name(kind)),
        None => true,
    };
    let mut candidates: Vec<Kind> =
        reader.param.targets.iter().copied().filter(|kind| wanted(*kind)).collect();
    if reader.param.targets.is_empty() {
        candidates.extend(kinds::all().map(|(kind, _)| kind).filter(|kind| wanted(*kind)));
    }
    any.extend(candidates.into_iter().map(|kind| Test::Is(param, format!("{}/{id}", kinds::name(kind)))));
    Ok(())
}

/// A URL as it stands; one below the server's own base also as `Type/id`.
fn url(param: Param, text: &str, base_url: &str, canonical: bool, any: &mut Vec<Test>) {
    let own = text.strip_prefix(base_url).and_then(|rest| rest.strip_prefix('/')).and_then(type_and_id);
    if let Some((kind, id)) = own.filter(|(kind, id)| kinds::kind(kind).is_some() && LogicalId::fits(id)) {
        any.push(Test::Is(param, format!("{kind}/{id}")));
    }
    if canonical {
        any.push(Test::Prefix(param, cut(format!("{text}{SEPARATOR}"))));
    }
    any.push(Test::Is(param, cut(text.to_owned())));
}

/// `:Type`: the value is an id, or `Type/id` of that same type.
fn of_type(reader: &Reader<'_>, kind: Kind, value: &str) -> Result<String, SearchError> {
    let name = kinds::name(kind);
    if !reader.param.may_refer_to(kind) {
        let targets: Vec<&str> = reader.param.targets.iter().map(|kind| kinds::name(*kind)).collect();
        let why = format!("it never refers to {name}, but to: {}", targets.join(", "));
        return Err(reader.wrong(value, why));
    }
    let text = unescape(value);
    let id = match type_and_id(&text) {
        Some((given, id)) if given == name => id,
        Some(_) => return Err(reader.wrong(value, format!("an id, or {name}/id is expected"))),
        None => &text,
    };
    Ok(format!("{name}/{}", checked_id(reader, id)?))
}

fn checked_id<'t>(reader: &Reader<'_>, id: &'t str) -> Result<&'t str, SearchError> {
    if LogicalId::fits(id) {
        return Ok(id);
    }
    Err(reader.wrong(id, "an id, Type/id or an absolute URL is expected"))
}

/// `Type/id`, a version behind it left out.
fn type_and_id(text: &str) -> Option<(&str, &str)> {
    let plain = text.split_once("/_history/").map_or(text, |(plain, _)| plain);
    plain.split_once('/').filter(|(_, id)| !id.contains('/'))
}

/// `url|version`, where both are there.
fn split_canonical(value: &str) -> Option<(&str, &str)> {
    match super::split::split(value, '|').as_slice() {
        [url, version] if !url.is_empty() && !version.is_empty() => Some((url, version)),
        _ => None,
    }
}
