//! Users as CSV: reading rows with their lines, and writing rows that a spreadsheet program cannot mistake for formulas.
//!
//! Nothing here knows a store: what can be seen in the text alone is judged here, all of it at once. A cell that is empty says
//! nothing, so it changes nothing: a sheet that somebody cut down to what they know must not delete the rest.

use std::{collections::BTreeSet, io::Write};

use csv::{ByteRecord, ReaderBuilder, StringRecord, WriterBuilder};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Serialize;
use vestibule_authn_password::check_hash;
use vestibule_authn_smsotp::parse_number;
use vestibule_core::user::{LoginName, User};

use crate::{
    config::{nearest, tree::Place},
    declare::{DeclaredPassword, DeclaredUser, is_email},
};

/// The columns that there are, in the order in which they are written.
pub const COLUMNS: [&str; 11] = [
    "username",
    "display_name",
    "email",
    "email_verified",
    "phone_number",
    "phone_number_verified",
    "locale",
    "groups",
    "roles",
    "disabled",
    "password_hash",
];

/// The one column that is read and never written.
const SECRET: &str = "password_hash";

/// How much of it there may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of the file.
    pub bytes: usize,
    /// Rows below the header.
    pub rows: usize,
    /// Bytes of one cell.
    pub cell: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 32 << 20, rows: 200_000, cell: 4096 }
    }
}

/// Why a row, or with line 1 the whole file, is not taken. It never repeats a cell, which may be a secret in the wrong column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RefusedLine")]
pub struct Refused {
    /// The line on which the row begins, counted from 1; the header is line 1.
    pub line: u64,
    /// The column; empty when it is about the row as a whole.
    pub column: String,
    /// Why.
    pub why: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, column, why } = self;
        if column.is_empty() { write!(f, "line {line}: {why}") } else { write!(f, "line {line}: {column}: {why}") }
    }
}

/// A row that could be read.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) user: DeclaredUser,
}

/// What a file says.
#[derive(Default)]
pub(super) struct Sheet {
    pub(super) rows: Vec<Row>,
    pub(super) refused: Vec<Refused>,
    /// Whether it could not be read to its end, so that no row of it counts.
    pub(super) broken: bool,
}

/// Reads a file.
pub(super) fn read(bytes: &[u8], bounds: &Bounds) -> Sheet {
    let mut sheet = Sheet::default();
    if let Err(refused) = sheet.fill(bytes, bounds) {
        sheet.refused.push(refused);
        sheet.broken = true;
    }
    sheet
}

impl Sheet {
    fn fill(&mut self, bytes: &[u8], bounds: &Bounds) -> Result<(), Refused> {
        if bytes.len() > bounds.bytes {
            return Err(whole(format!("the file has more than {} bytes; divide it", bounds.bytes)));
        }
        // Spreadsheet programs begin a UTF-8 file with a byte order mark.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let (mut record, mut lines) = (ByteRecord::new(), Lines { bytes, counted: 0, line: 1 });
        let mut header: Option<Vec<&'static str>> = None;
        while reader.read_byte_record(&mut record).map_err(|_| whole("the file cannot be read as CSV".to_owned()))? {
            let line = lines.at(record.position().map_or(0, csv::Position::byte));
            let Some(columns) = &header else {
                header = Some(columns(&record)?);
                continue;
            };
            if self.rows.len().saturating_add(self.refused.len()) >= bounds.rows {
                return Err(whole(format!("the file has more than {} rows; divide it", bounds.rows)));
            }
            let read = cells(&record, columns, bounds, line);
            match read.map_err(|refused| vec![refused]).and_then(|cells| self::row(line, columns, &cells)) {
                Ok(row) => self.rows.push(row),
                Err(refused) => self.refused.extend(refused),
            }
        }
        if header.is_none() {
            Err(whole("the file is empty; its first line names the columns".to_owned()))
        } else {
            Ok(())
        }
    }
}

/// Counts lines. The parser's own count stands before the line end of the row above when that is CR LF, and before empty lines.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the row that the parser began to read at `byte`; asked in the order of the file.
    fn at(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX);
        let mut left = self.bytes.iter().enumerate().skip(self.counted);
        let begins = left.find(|(at, letter)| *at >= byte && !matches!(letter, b'\r' | b'\n')).map(|(at, _)| at);
        let begins = begins.unwrap_or(self.bytes.len());
        let passed = self.bytes.get(self.counted..begins).unwrap_or_default();
        let ends = passed.iter().zip(passed.iter().skip(1).chain([&b' ']));
        let ends = ends.filter(|(letter, next)| **letter == b'\n' || (**letter == b'\r' && **next != b'\n')).count();
        self.line = self.line.saturating_add(u64::try_from(ends).unwrap_or(u64::MAX));
        self.counted = begins;
        self.line
    }
}

fn whole(why: String) -> Refused {
    Refused { line: 1, column: String::new(), why }
}

/// The columns that the header names.
fn columns(header: &ByteRecord) -> Result<Vec<&'static str>, Refused> {
    let mut seen = BTreeSet::new();
    let mut columns = Vec::new();
    for (number, name) in header.iter().enumerate() {
        let word = String::from_utf8_lossy(name).trim().to_lowercase();
        let Some(column) = COLUMNS.into_iter().find(|column| *column == word) else {
            let near = nearest(&word, COLUMNS).map(|near| format!("the nearest is {near}"));
            let advice = near.unwrap_or_else(|| format!("there are {}", COLUMNS.join(", ")));
            return Err(whole(format!("the header's column {} is not known; {advice}", number + 1)));
        };
        if !seen.insert(column) {
            return Err(whole(format!("the header names {column} twice")));
        }
        columns.push(column);
    }
    if seen.contains("username") { Ok(columns) } else { Err(whole("the header names no column username".to_owned())) }
}

/// The cells of a row as text.
fn cells(record: &ByteRecord, columns: &[&str], bounds: &Bounds, line: u64) -> Result<StringRecord, Refused> {
    let refused = |column: &str, why: String| Refused { line, column: column.to_owned(), why };
    if record.len() != columns.len() {
        let why = format!("the row has {} cells, the header {}", record.len(), columns.len());
        return Err(refused("", why));
    }
    for (column, cell) in columns.iter().zip(record) {
        if cell.len() > bounds.cell {
            return Err(refused(column, format!("has more than {} bytes", bounds.cell)));
        }
        if std::str::from_utf8(cell).is_err() {
            return Err(refused(column, "is not UTF-8".to_owned()));
        }
    }
    StringRecord::from_byte_record(record.clone()).map_err(|_| refused("", "is not UTF-8".to_owned()))
}

/// The user of a row, or everything that is wrong with it.
fn row(line: u64, columns: &[&str], cells: &StringRecord) -> Result<Row, Vec<Refused>> {
    let mut refused = Vec::new();
    let mut username = None;
    // Replaced below: a row without a name is refused.
    let Some(mut user) = LoginName::parse("x").map(|name| DeclaredUser::new(name, Place::Default)) else {
        return Err(refused);
    };
    for (column, whole) in columns.iter().zip(cells).filter(|(_, cell)| !cell.trim().is_empty()) {
        let (whole, cell) = (plain(whole), plain(whole.trim()));
        let mut read = || -> Result<(), String> {
            match *column {
                "username" => username = Some(LoginName::parse(cell).ok_or("is no user name")?),
                "email" => user.email = Some(is_email(cell).then(|| cell.to_owned()).ok_or("is no e-mail address")?),
                "phone_number" => {
                    let number = parse_number(cell, None).map_err(|error| error.to_string())?;
                    user.phone_number = Some(number.as_str().to_owned());
                }
                "display_name" => user.display_name = Some(line_of_text(whole)?),
                "locale" => user.locale = Some(line_of_text(cell)?),
                "email_verified" => user.email_verified = Some(truth(cell)?),
                "phone_number_verified" => user.phone_number_verified = Some(truth(cell)?),
                "disabled" => user.disabled = Some(truth(cell)?),
                "groups" => user.groups = Some(words(cell)?),
                "roles" => user.roles = Some(words(cell)?),
                _ => user.password = Some(hash(cell)?),
            }
            Ok(())
        };
        if let Err(why) = read() {
            refused.push(Refused { line, column: (*column).to_owned(), why });
        }
    }
    if username.is_none() && refused.iter().all(|refused| refused.column != "username") {
        refused.push(Refused { line, column: "username".to_owned(), why: "is empty".to_owned() });
    }
    match username.filter(|_| refused.is_empty()) {
        Some(username) => Ok(Row { line, user: DeclaredUser { username, ..user } }),
        None => Err(refused),
    }
}

fn hash(cell: &str) -> Result<DeclaredPassword, String> {
    check_hash(cell).map_err(|error| error.to_string())?;
    Ok(DeclaredPassword::Hash(SecretString::from(cell)))
}

fn truth(cell: &str) -> Result<bool, String> {
    match cell.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

fn line_of_text(cell: &str) -> Result<String, String> {
    let fits = cell.chars().count() <= 255 && !cell.chars().any(char::is_control);
    fits.then(|| cell.to_owned()).ok_or_else(|| "is longer than 255 characters, or holds control characters".to_owned())
}

/// So many groups or roles one user may have.
const MOST_WORDS: usize = 200;

/// The words of a cell, divided by `;`. A semicolon within a word is written `\;`, and a backslash `\\`.
fn words(cell: &str) -> Result<Vec<String>, String> {
    let mut words = vec![String::new()];
    let mut letters = cell.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            (';', _) => words.push(String::new()),
            ('\\', Some(next @ (';' | '\\'))) => {
                words.last_mut().into_iter().for_each(|word| word.push(*next));
                letters.next();
            }
            _ => words.last_mut().into_iter().for_each(|word| word.push(letter)),
        }
    }
    let mut known = Vec::new();
    for word in words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
        let word = line_of_text(word)?;
        if !known.contains(&word) {
            known.push(word);
        }
        if known.len() > MOST_WORDS {
            return Err(format!("has more than {MOST_WORDS} words"));
        }
    }
    Ok(known)
}

/// What makes a spreadsheet program take a cell for a formula, in ASCII and in full width.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Whether a cell is one that is written with an apostrophe before it: a formula, or such a cell already.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(FORMULA)
}

/// The cell without the apostrophe that [`safe`] put before it.
fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|_| is_formula(cell)).unwrap_or(cell)
}

/// The cell as a spreadsheet program may have it.
fn safe(cell: &str) -> String {
    if is_formula(cell) { format!("'{cell}") } else { cell.to_owned() }
}

/// Writes users, one row each, below a header.
pub struct UserSheet<W: Write>(csv::Writer<W>);

impl<W: Write> UserSheet<W> {
    /// Writes the header. Every cell is quoted: where a list separator is `;`, groups would else be columns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(out: W) -> std::io::Result<Self> {
        let mut writer = WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(out);
        writer.write_record(COLUMNS.iter().filter(|column| **column != SECRET)).map_err(io)?;
        Ok(Self(writer))
    }

    /// Writes a user: all but the password.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, user: &User) -> std::io::Result<()> {
        let cells = COLUMNS.iter().filter(|column| **column != SECRET).map(|column| safe(&cell(user, column)));
        self.0.write_record(cells).map_err(io)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

fn io(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        _ => std::io::Error::other("the row cannot be written"),
    }
}

fn cell(user: &User, column: &str) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let list = |list: &[String]| {
        let escaped = list.iter().map(|word| word.replace('\\', "\\\\").replace(';', "\\;"));
        escaped.collect::<Vec<_>>().join(";")
    };
    match column {
        "username" => user.username.to_string(),
        "display_name" => text(&user.display_name),
        "email" => text(&user.email),
        "email_verified" => user.email_verified.to_string(),
        "phone_number" => text(&user.phone_number),
        "phone_number_verified" => user.phone_number_verified.to_string(),
        "locale" => text(&user.locale),
        "groups" => list(&user.groups),
        "roles" => list(&user.roles),
        "disabled" => user.disabled.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Sheet {
        super::read(text.as_bytes(), &Bounds::default())
    }

    fn refused(text: &str) -> Vec<String> {
        read(text).refused.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_come_in_any_order_and_empty_cells_say_nothing() {
        let sheet = read("\u{feff}Groups,username,email\r\nstaff; friends ;,Ada,ada@example.org\r\n,\"bob\",\r\n");
        assert!(sheet.refused.is_empty(), "{:?}", sheet.refused);
        let [ada, bob] = sheet.rows.as_slice() else { panic!("two rows") };
        assert_eq!((ada.line, ada.user.username.as_str()), (2, "ada"));
        assert_eq!(ada.user.groups, Some(vec!["staff".to_owned(), "friends".to_owned()]));
        assert_eq!((bob.line, &bob.user.groups, &bob.user.email), (3, &None, &None));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_column_and_without_the_cell() {
        let head = "username,email,phone_number,email_verified,password_hash\n";
        for (row, expected) in [
            (",a@example.org,,,", "line 2: username: is empty"),
            ("ada,nobody,,,", "line 2: email: is no e-mail address"),
            ("ada,,12,,", "line 2: phone_number: "),
            ("ada,,,yes,", "line 2: email_verified: is neither true nor false"),
            ("ada,,,,hunter2", "line 2: password_hash: this is no password hash that is known here"),
            ("ada,,,,$2b$12$hunter2", "line 2: password_hash: this is no password hash that is known here"),
            ("ada,,", "line 2: the row has 3 cells, the header 5"),
            ("\"a\nda\",,,,", "line 2: username: is no user name"),
        ] {
            let told = refused(&format!("{head}{row}\n"));
            assert!(told.len() == 1 && told[0].starts_with(expected), "{row}: {told:?}");
            assert!(!told[0].contains("hunter2"), "{told:?}");
        }
        let mac = read("username\r\rada\r\r\n\"b\r\nc\",x\r");
        assert_eq!((mac.rows[0].line, mac.refused[0].line), (3, 5));
        let both = refused(&format!("{head}ada,x,,maybe,\nbob,,,,\n\neve,y,,,\n"));
        assert_eq!(both.len(), 3, "all of it at once: {both:?}");
        assert!(both[2].starts_with("line 5: email"), "{both:?}");
    }

    #[test]
    fn a_header_that_is_not_understood_ends_it() {
        for (text, expected) in [
            ("", "line 1: the file is empty"),
            ("user_name\nada\n", "line 1: the header's column 1 is not known; the nearest is username"),
            ("username,username\n", "line 1: the header names username twice"),
            ("email\na@example.org\n", "line 1: the header names no column username"),
            ("username;email\nada;x\n", "line 1: the header's column 1 is not known"),
        ] {
            let sheet = read(text);
            assert!(sheet.broken && sheet.rows.is_empty(), "{text:?}");
            assert!(sheet.refused[0].to_string().starts_with(expected), "{text:?}: {:?}", sheet.refused);
        }
    }

    #[test]
    fn size_and_rows_are_bounded() {
        let bounds = Bounds { bytes: 100, rows: 3, cell: 20 };
        let read = |text: &str| super::read(text.as_bytes(), &bounds);
        assert!(!read("username\na\nb\nc\n").broken);
        assert!(read("username\na\nb\nc\nd\n").broken);
        assert!(read(&format!("username\n{}\n", "x".repeat(100))).broken);
        let long = read(&format!("username\n{}\nb\n", "x".repeat(21)));
        assert!(!long.broken && long.rows.len() == 1 && long.refused[0].column == "username");
        // A quote that is never closed takes the rest of the file into one cell, which is then too long.
        assert_eq!(read("username\n\"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n").rows.len(), 0);
        assert_eq!(super::read(b"username\n\xff\xfe\n", &bounds).refused[0].why, "is not UTF-8");
    }

    #[test]
    fn a_formula_is_kept_as_data_and_written_harmless() {
        let name = "=HYPERLINK(\"https://evil.example\";\"x\")";
        let sheet = read(&format!("username,display_name\n=cmd,\"{}\"\n", name.replace('"', "\"\"")));
        assert_eq!(sheet.rows[0].user.display_name.as_deref(), Some(name));
        assert_eq!(sheet.rows[0].user.username.as_str(), "=cmd");
        for cell in ["=1", "+1", "-1", "@x", "'=1", "''+1", "＝1", "'x", "x", "it's"] {
            assert!(!safe(cell).starts_with(FORMULA), "{cell}");
            assert_eq!(plain(&safe(cell)), cell);
        }
    }

    #[test]
    fn words_hold_semicolons_and_backslashes() {
        for (cell, expected) in [
            ("a;b", vec!["a", "b"]),
            (" a ;; b ;a", vec!["a", "b"]),
            (r"a\;b;c", vec!["a;b", "c"]),
            (r"DOMAIN\group;x\\", vec![r"DOMAIN\group", r"x\"]),
        ] {
            assert_eq!(words(cell).unwrap(), expected, "{cell}");
        }
    }
}
