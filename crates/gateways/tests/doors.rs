//! The path matrix: every way in, and what it asks `policy` for.

use expect_test::expect_file;
use lenticular_gateways::server::doors;
use std::fmt::Write;

#[test]
fn every_way_in_declares_its_action() {
    let mut matrix = String::new();
    for door in doors() {
        let action = door.action.map_or("open".to_owned(), |action| format!("{action:?}"));
        writeln!(matrix, "{:<8}{:<92}{:<12}{}", door.method, door.path, action, door.kind).unwrap();
    }
    expect_file!["doors.txt"].assert_eq(&matrix);
}
