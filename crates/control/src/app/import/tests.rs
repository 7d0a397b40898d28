use super::*;
use crate::app::tests::Fixture;
use zaiseki_model::Credentials;
use zaiseki_store::{Read, Reply};

/// Problems as (line, column, part of the reason).
type Told<'a> = (u64, Option<&'a str>, &'a str);

#[track_caller]
fn check(csv: impl AsRef<[u8]>, created: usize, told: &[Told<'_>]) -> Fixture {
    let fixture = Fixture::new();
    let report = import(&fixture.app, "tester", csv.as_ref()).unwrap();
    assert_eq!(report.created, created, "{report:#?}");
    assert_eq!(report.problems.len(), told.len(), "{report:#?}");
    for (problem, (line, column, part)) in report.problems.iter().zip(told) {
        assert_eq!((problem.line, problem.column.as_deref()), (*line, *column), "{problem:?}");
        assert!(problem.reason.en.contains(part), "{problem:?}");
        assert!(!problem.reason.ja.is_empty());
    }
    assert_eq!(report.stopped, None);
    fixture
}

fn credentials(fixture: &Fixture, name: &str) -> Credentials {
    let read = Read::Credentials { name: name.to_owned() };
    match fixture.app.store().query(move |db| db.read(&read)).unwrap() {
        Reply::Credentials(Some(credentials)) => credentials,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn columns_have_a_default_order() {
    let fixture = check("anna,pw1\nben,pw2,Ben Benson,ben@example.com,+81 3 1234\r\n", 2, &[]);
    let ben = users::show(&fixture.app, "ben").unwrap();
    assert_eq!((ben.display_name.as_str(), ben.mail.as_str()), ("Ben Benson", "ben@example.com"));
    assert_eq!(ben.telephone, "+81 3 1234");
    let anna = credentials(&fixture, "anna");
    assert!(derive::verify_password(&anna, "pw1") && !derive::verify_password(&anna, "pw2"));
    assert!(anna.sha1.is_some_and(|keys| keys.iterations == IMPORT_ITERATIONS));
}

#[test]
fn a_header_names_the_columns_in_any_order() {
    check("userid,password\nanna,pw\n", 1, &[]);
    let fixture = check("\u{feff}Mail,User ID,Password,Display Name\nt@example.com,taro,pw,太郎\n", 1, &[]);
    assert_eq!(users::show(&fixture.app, "taro").unwrap().display_name, "太郎");
    let fixture = check("ユーザーID,パスワード,表示名,メール,電話番号\ntaro,pw,山田太郎,t@example.com,03\n", 1, &[]);
    assert_eq!(users::show(&fixture.app, "taro").unwrap().telephone, "03");
    check("userid,colour,password\nanna,red,pw\n", 1, &[(1, Some("colour"), "unknown column")]);
}

/// Else its words would become users.
#[test]
fn a_header_is_known_by_any_column_and_needs_user_ids() {
    for first in ["username", "User Name", "uid", "id", "ログインID"] {
        let fixture = check(format!("{first},password\nanna,pw\n"), 1, &[]);
        assert_eq!(users::show(&fixture.app, "anna").unwrap().name, "anna");
    }
    for header in ["konto,password,mail", "Benutzer,パスワード"] {
        let fixture = Fixture::new();
        let report = import(&fixture.app, "tester", format!("{header}\nanna,pw,\n").as_bytes()).unwrap();
        assert_eq!((report.rows, report.created), (0, 0), "{header}");
        assert!(report.stopped.unwrap().en.contains("userid"));
    }
}

#[test]
fn one_bad_row_never_stops_the_rest() {
    let csv = "anna,pw\n,pw\nb c d/e,pw\nben\ncarl,,,\ndora,pw,,nomail\nanna,again\nemil,pw,x,y@z,1,surplus\n\nfritz,pw\n";
    let told = [
        (2, Some("userid"), "empty"),
        (4, Some("password"), "no password"),
        (5, Some("password"), "no password"),
        (6, Some("mail"), "not a mail address"),
        (7, Some("userid"), "line 1"),
        (8, None, "more than 5 columns"),
    ];
    // `b c d/e` is made fit for an address by XEP-0106.
    check(csv, 3, &told);
}

#[test]
fn bytes_that_are_no_text_are_a_row_s_problem() {
    let mut csv = b"anna,pw\nben,pw,\x8e\x52\x93\x63\ncarl,pw\n".to_vec();
    check(&csv, 2, &[(2, Some("display name"), "UTF-8")]);
    csv.extend_from_slice(format!("dora,pw,{}\n", "x".repeat(FIELD_BYTES + 1)).as_bytes());
    check(&csv, 2, &[(2, Some("display name"), "UTF-8"), (4, Some("display name"), "longer than")]);
    check("anna,\u{7}\nben,pw\n", 1, &[(1, Some("password"), "cannot be used")]);
    check("anna,pw\n\"ben,pw\ncarl,pw\n", 1, &[(2, Some("userid"), "cannot be part")]);
    check("", 0, &[]);
}

#[test]
fn existing_users_are_reported_and_left_alone() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    import(app, "tester", b"anna,old\n").unwrap();
    let report = import(app, "tester", b"Anna,new\nben,pw\n").unwrap();
    assert_eq!((report.rows, report.created, report.failed), (2, 1, 1));
    assert!(report.problems[0].reason.en.contains("exists already"), "{report:?}");
    assert!(derive::verify_password(&credentials(&fixture, "anna"), "old"));
}

#[test]
fn user_ids_with_an_at_sign_are_escaped() {
    let fixture = check("bjones@usa,pw\n", 1, &[]);
    let user = users::show(&fixture.app, "bjones@usa").unwrap();
    assert_eq!((user.name.as_str(), user.address.as_str()), ("bjones@usa", "bjones\\40usa@example.com"));
}

/// SCRAM keys of a password, as another server would export them.
fn exported(password: &str) -> [String; 6] {
    let (sha256, sha1) = derive::new_keys(password, [9; 16], 4_096).unwrap();
    let encoded = [&sha256.salt, &sha256.stored_key, &sha256.server_key, &sha1.stored_key, &sha1.server_key];
    let [salt, a, b, c, d] = encoded.map(|bytes| BASE64.encode(bytes));
    [salt, "4096".to_owned(), a, b, c, d]
}

const KEY_HEADER: &str = "userid,salt,iterations,sha256_stored_key,sha256_server_key,sha1_stored_key,sha1_server_key";

#[test]
fn keys_of_another_server_go_on_working() {
    let [salt, n, a, b, c, d] = exported("pencil");
    let fixture = check(format!("{KEY_HEADER}\nanna,{salt},{n},{a},{b},{c},{d}\nben,{salt},{n},{a},{b},,\n"), 2, &[]);
    let anna = credentials(&fixture, "anna");
    assert!(derive::verify_password(&anna, "pencil") && anna.sha1.is_some());
    let ben = credentials(&fixture, "ben");
    assert!(derive::verify_password(&ben, "pencil") && ben.sha1.is_none());
}

#[test]
fn bad_keys_are_named_by_column() {
    let [salt, n, a, b, c, d] = exported("pencil");
    let mut lines = vec![format!("{KEY_HEADER},password")];
    let mut told: Vec<Told<'_>> = Vec::new();
    let mut row = |line: String, column: &'static str, part: &'static str| {
        told.push((lines.len() as u64 + 1, Some(column), part));
        lines.push(line);
    };
    row(format!("u1,{salt},{n},{a},,{c},{d},"), "sha256_server_key", "missing");
    row(format!("u2,{salt},{n},{a},{b},{c},{a},"), "sha1_server_key", "20 bytes");
    row(format!("u3,{salt},{n},{a}!,{b},,,"), "sha256_stored_key", "base64");
    row(format!("u4,,{n},{a},{b},,,"), "salt", "missing");
    row(format!("u5,AAAA,{n},{a},{b},,,"), "salt", "8 to 128");
    row(format!("u6,{salt},,{a},{b},,,"), "iterations", "missing");
    row(format!("u7,{salt},4095,{a},{b},,,"), "iterations", "4096 to");
    row(format!("u8,{salt},1000001,{a},{b},,,"), "iterations", "4096 to");
    row(format!("u9,{salt},{n},{a},{b},,,pw"), "password", "either");
    row(",,,,,,,pw".to_owned(), "userid", "empty");
    row("u11,,,,,,,".to_owned(), "password", "no password");
    lines.push("u12,,,,,,,pw".to_owned());
    lines.push(format!("u13,{salt},1000000,{a},{b},,,"));
    check(lines.join("\n"), 2, &told);
}

#[test]
fn the_report_names_a_bounded_number_of_problems() {
    let fixture = Fixture::new();
    let csv = "nobody\n".repeat(PROBLEMS_TOLD + 1);
    let report = import(&fixture.app, "tester", csv.as_bytes()).unwrap();
    assert_eq!((report.failed, report.problems.len()), (PROBLEMS_TOLD + 1, PROBLEMS_TOLD));
}
