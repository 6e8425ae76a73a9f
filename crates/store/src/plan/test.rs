//! One test as a condition on one row, found by the primary keys of the index tables.

use crate::dialect::Dialect;
use crate::sql::Sql;
use lenticular_base::index::{Compare, Param, Test};

/// Writes the condition; `vid` is the expression for the version number.
pub fn condition(sql: &mut Sql, dialect: Dialect, vid: &str, test: &Test) {
    match test {
        Test::Is(param, _)
        | Test::Prefix(param, _)
        | Test::Suffix(param, _)
        | Test::Contains(param, _)
        | Test::Like(param, _) => {
            exists(sql, "ix_text", vid, *param);
            sql.push(" AND ");
            text(sql, dialect, "e.value", test);
            sql.push(")");
        }
        Test::Time(param, ..) => {
            exists(sql, "ix_time", vid, *param);
            sql.push(" AND ");
            time(sql, "e", test);
            sql.push(")");
        }
        Test::Number(param, ..) => {
            exists(sql, "ix_number", vid, *param);
            sql.push(" AND ");
            number(sql, "e", test);
            sql.push(")");
        }
        Test::Missing(param, missing) => {
            sql.push(if *missing { "NOT (" } else { "(" });
            for (at, table) in ["ix_text", "ix_time", "ix_number"].into_iter().enumerate() {
                sql.push(if at > 0 { " OR " } else { "" });
                exists(sql, table, vid, *param);
                sql.push(")");
            }
            sql.push(")");
        }
        Test::Id(id) => sql.push("r.id=").str(id.as_str()).end(),
        Test::Updated(compare, low, high) => updated(sql, "r.time", *compare, *low, *high),
        Test::Never => sql.push("1=0").end(),
    }
}

/// Opens the condition that the row has an entry `e` under a parameter; the caller closes it.
pub(super) fn exists(sql: &mut Sql, table: &str, vid: &str, param: Param) {
    sql.push(&format!("EXISTS (SELECT 1 FROM {table} e WHERE e.vid={vid} AND e.param="));
    sql.int(param.0.into());
}

/// A test of text on a column.
pub fn text(sql: &mut Sql, dialect: Dialect, column: &str, test: &Test) {
    match test {
        Test::Is(_, value) => sql.push(column).push("=").str(value.as_str()).end(),
        Test::Prefix(_, prefix) => starts_with(sql, column, prefix),
        Test::Suffix(_, suffix) => {
            let length = i64::try_from(suffix.chars().count()).unwrap_or(i64::MAX);
            sql.push(&format!("(length({column})>=")).int(length);
            sql.push(&format!(" AND substr({column},length({column})+1-")).int(length);
            sql.push(")=").str(suffix.as_str()).push(")");
        }
        Test::Contains(_, part) => {
            sql.push(dialect.find()).push("(").push(&dialect.head(column)).push(",");
            sql.str(part.as_str()).push(")>0");
        }
        Test::Like(_, pattern) => {
            let literal = literal_prefix(pattern);
            sql.push("(");
            if !literal.is_empty() {
                starts_with(sql, column, &literal);
                sql.push(" AND ");
            }
            sql.push(&dialect.head(column)).push(" LIKE ").str(pattern.as_str()).push(" ESCAPE '\\')");
        }
        _ => sql.push("1=0").end(),
    }
}

fn starts_with(sql: &mut Sql, column: &str, prefix: &str) {
    sql.push("(").push(column).push(">=").str(prefix);
    sql.push(" AND ").push(column).push("<").str(format!("{prefix}\u{10FFFF}")).push(")");
}

/// What a LIKE pattern begins with before its first wildcard.
pub fn literal_prefix(pattern: &str) -> String {
    let mut literal = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' | '_' => break,
            '\\' => literal.extend(characters.next()),
            _ => literal.push(character),
        }
    }
    literal
}

/// A test of time on `low` and `high` of an alias.
pub fn time(sql: &mut Sql, alias: &str, test: &Test) {
    if let Test::Time(_, compare, low, high) = test {
        let bind = |sql: &mut Sql, upper: bool| sql.int(if upper { *high } else { *low }).end();
        super::range_condition(sql, alias, *compare, &bind);
    }
}

/// A test of a number on `low`, `high` and `unit` of an alias.
pub fn number(sql: &mut Sql, alias: &str, test: &Test) {
    if let Test::Number(_, compare, low, high, unit) = test {
        let bind = |sql: &mut Sql, upper: bool| sql.real(if upper { *high } else { *low }).end();
        super::range_condition(sql, alias, *compare, &bind);
        if let Some(unit) = unit {
            sql.push(" AND ");
            let column = format!("{alias}.unit");
            if unit.ends_with('\u{1}') {
                starts_with(sql, &column, unit);
            } else {
                sql.push(&column).push("=").str(unit.as_str());
            }
        }
    }
}

/// The time of the last change, a moment, on a column.
pub fn updated(sql: &mut Sql, column: &str, compare: Compare, low: i64, high: i64) {
    let piece =
        |sql: &mut Sql, operator: &str, moment: i64| sql.push(column).push(operator).int(moment).end();
    match compare {
        Compare::Eq | Compare::Ne => {
            sql.push(if compare == Compare::Eq { "(" } else { "NOT (" });
            piece(sql, ">=", low);
            sql.push(" AND ");
            piece(sql, "<", high);
            sql.push(")");
        }
        Compare::Gt | Compare::Sa => piece(sql, ">=", high),
        Compare::Lt | Compare::Eb => piece(sql, "<", low),
        Compare::Ge => piece(sql, ">=", low),
        Compare::Le => piece(sql, "<", high),
    }
}

#[cfg(test)]
mod tests {
    use super::literal_prefix;

    #[test]
    fn the_literal_prefix_of_a_pattern() {
        assert_eq!(literal_prefix("smith%"), "smith");
        assert_eq!(literal_prefix("a\\%b_c"), "a%b");
        assert_eq!(literal_prefix("%x"), "");
        assert_eq!(literal_prefix("x\\"), "x");
    }
}
