//! The tables, as numbered migrations. `docs/tables.md` explains each with a worked row.

use crate::dialect::Dialect;

/// One step from an empty database to the newest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Migration {
    /// 1, 2, 3 …
    pub number: i64,
    /// The statements. Never changed once released: engines keep its checksum and refuse to start on another text.
    pub text: String,
    /// Programs that do not know it can work on its tables: it only adds what they do not ask for. So nodes of one version and
    /// the next can work side by side.
    pub additive: bool,
}

/// The `until_position` of a version that is current.
pub const FOREVER: i64 = i64::MAX;

/// The number of the newest migration.
pub const NEWEST: i64 = 4;

/// Every migration, oldest first.
pub fn migrations(dialect: Dialect) -> Vec<Migration> {
    let shared = if dialect == Dialect::Postgres { dialect.fill(SECOND_SHARED) } else { String::new() };
    // a program that does not know of notices would write while a network moves, and one that does not know who drew a
    // segment's number would give it up under another's hands
    let steps = [
        (dialect.fill(FIRST), false),
        (dialect.fill(SECOND) + &shared, true),
        (dialect.fill(NOTICES), false),
        (dialect.fill(BEGAN), false),
    ];
    let numbered = steps.into_iter().zip(1..);
    numbered.map(|((text, additive), number)| Migration { number, text, additive }).collect()
}

const FIRST: &str = "
CREATE TABLE log (
    position {int} PRIMARY KEY,
    time {int} NOT NULL,
    author_org {int} NOT NULL,
    agent {text} NOT NULL,
    changes {int} NOT NULL
);

CREATE TABLE record (
    vid {int} PRIMARY KEY,
    org {int} NOT NULL,
    patient {text},
    kind {int} NOT NULL,
    labels {int} NOT NULL,
    author_org {int} NOT NULL,
    time {int} NOT NULL,
    study {text},
    id {text} NOT NULL,
    version {int} NOT NULL,
    from_position {int} NOT NULL,
    until_position {int} NOT NULL,
    position {int} NOT NULL,
    deleted {int} NOT NULL,
    dictionary {int} NOT NULL,
    length {int} NOT NULL,
    splice {int} NOT NULL,
    body {bytes} NOT NULL
);
CREATE UNIQUE INDEX record_name ON record (kind, id, until_position, org, version);
CREATE INDEX record_order ON record (org, kind, vid);
CREATE INDEX record_time ON record (org, kind, time);
CREATE INDEX record_patient ON record (org, patient, kind) WHERE patient IS NOT NULL;
CREATE INDEX record_study ON record (org, study, kind) WHERE study IS NOT NULL;

CREATE TABLE ix_text (
    vid {int} NOT NULL,
    param {int} NOT NULL,
    value {text} NOT NULL,
    org {int} NOT NULL,
    PRIMARY KEY (vid, param, value)
){clustered};
CREATE INDEX ix_text_value ON ix_text (org, param, value, vid);

CREATE TABLE ix_time (
    vid {int} NOT NULL,
    param {int} NOT NULL,
    low {int} NOT NULL,
    high {int} NOT NULL,
    org {int} NOT NULL,
    span {int} NOT NULL,
    PRIMARY KEY (vid, param, low, high)
){clustered};
CREATE INDEX ix_time_value ON ix_time (org, param, span, low, high, vid);

CREATE TABLE ix_number (
    vid {int} NOT NULL,
    param {int} NOT NULL,
    low {real} NOT NULL,
    high {real} NOT NULL,
    unit {text} NOT NULL,
    org {int} NOT NULL,
    PRIMARY KEY (vid, param, low, high, unit)
){clustered};
CREATE INDEX ix_number_value ON ix_number (org, param, low, high, unit, vid);

CREATE TABLE sweep (
    until_position {int} NOT NULL,
    vid {int} NOT NULL,
    PRIMARY KEY (until_position, vid)
){clustered};

CREATE TABLE grants (
    source {text} NOT NULL,
    grantee {text} NOT NULL,
    org {int} NOT NULL,
    patient {text},
    study {text},
    kind {int},
    expires {int}
);
CREATE INDEX grants_grantee ON grants (grantee, org);
CREATE INDEX grants_source ON grants (source);

CREATE TABLE dictionary (
    no {int} PRIMARY KEY,
    kind {int} NOT NULL,
    bytes {bytes} NOT NULL
);

CREATE TABLE segment (
    no {int} PRIMARY KEY,
    length {int} NOT NULL
);
";

/// Finding what was written since a position and whether that changed grants, leases, and how far a segment of blobs has come: 0 open, 1 closed, 2 packed.
const SECOND: &str = "
CREATE INDEX record_position ON record (position);
ALTER TABLE log ADD COLUMN grants {int} NOT NULL DEFAULT 0;

CREATE TABLE lease (
    name {text} PRIMARY KEY,
    holder {text} NOT NULL,
    fence {int} NOT NULL,
    expires {int} NOT NULL
);

ALTER TABLE segment ADD COLUMN state {int} NOT NULL DEFAULT 0;
";

/// What only a database that several nodes share needs: the audit log, blobs on their way to the object store, numbers
/// that no two nodes draw alike, and the second wall. `lenticular.orgs` is `*`, or the numbers of members with commas;
/// unset or empty, no row is seen. It is read once for each statement, not once for each row.
const SECOND_SHARED: &str = "
CREATE TABLE audit_log (
    file {int} NOT NULL,
    at {int} NOT NULL,
    entries {int} NOT NULL,
    bytes {bytes} NOT NULL,
    PRIMARY KEY (file, at)
);
CREATE TABLE audit_reached (
    file {int} PRIMARY KEY,
    entries {int} NOT NULL,
    closed {int} NOT NULL
);
CREATE TABLE audit_entry (
    seq {int} PRIMARY KEY,
    org {int} NOT NULL,
    time {int} NOT NULL,
    id {text} NOT NULL,
    agent {text} NOT NULL,
    patient {text},
    entity {text} NOT NULL,
    kind {text} NOT NULL,
    action {text} NOT NULL,
    outcome {int} NOT NULL,
    body {bytes} NOT NULL
);
CREATE INDEX audit_entry_time ON audit_entry (org, time, seq);
CREATE INDEX audit_entry_patient ON audit_entry (org, patient, time, seq) WHERE patient IS NOT NULL;
CREATE INDEX audit_entry_kind ON audit_entry (org, kind, time, seq);
CREATE INDEX audit_entry_id ON audit_entry (org, id);
CREATE SEQUENCE audit_file MINVALUE 1 MAXVALUE 2147483647;

CREATE TABLE landing (
    segment {int} NOT NULL,
    at {int} NOT NULL,
    bytes {bytes} NOT NULL,
    PRIMARY KEY (segment, at)
);
CREATE SEQUENCE segment_no MINVALUE 1 MAXVALUE 9007199254740991;

ALTER TABLE record ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE landing ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE audit_log ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE dictionary ALTER COLUMN bytes SET STORAGE EXTERNAL;

ALTER TABLE record ENABLE ROW LEVEL SECURITY;
ALTER TABLE record FORCE ROW LEVEL SECURITY;
CREATE POLICY members ON record
    USING ((SELECT current_setting('lenticular.orgs', true) = '*')
        OR org = ANY ((SELECT string_to_array(nullif(current_setting('lenticular.orgs', true), '*'), ',')::bigint[])::bigint[]))
    WITH CHECK (true);
ALTER TABLE grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE grants FORCE ROW LEVEL SECURITY;
CREATE POLICY members ON grants
    USING ((SELECT current_setting('lenticular.orgs', true) = '*')
        OR org = ANY ((SELECT string_to_array(nullif(current_setting('lenticular.orgs', true), '*'), ',')::bigint[])::bigint[]))
    WITH CHECK (true);
";

/// What a database says about itself: see [`crate::notice`].
const NOTICES: &str = "
CREATE TABLE notice (
    name {text} PRIMARY KEY,
    value {text} NOT NULL
);
";

/// When the number of a segment was drawn, in milliseconds, and by which process: what nobody has named long after was given up,
/// and who drew a number that a failover has lost does not write under it when another has drawn it again.
const BEGAN: &str = "
ALTER TABLE segment ADD COLUMN began {int} NOT NULL DEFAULT 0;
ALTER TABLE segment ADD COLUMN owner {text} NOT NULL DEFAULT '';
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_the_last_one() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            assert_eq!(migrations(dialect).last().map(|migration| migration.number), Some(NEWEST));
        }
    }
}
