//! Patterns of date and time as Java's `DateTimeFormatter` has them, in English.

use arrow::array::timezone::Tz;
use chrono::{
    Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike,
};
use datafusion::common::Result;
use std::fmt::Write as _;

use crate::raised::fail;
use crate::time::{instant_of, local_of, zone as zone_of};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const PATTERN_CHARS_MAX: usize = 1024;

enum Part {
    Text(String),
    Field(char, usize),
    /// From here on nothing has to come; ends at the other.
    Open,
    Close,
}

pub struct Pattern(Vec<Part>);

fn invalid<T>(class: &'static str, pattern: &str) -> Result<T> {
    fail(class, "22007", format!("Unrecognized datetime pattern: '{pattern}'."))
}

/// Letters of weeks, which Spark took once and refuses now: it tells of it in one class where its old reader would
/// have taken the whole, and in another where not.
fn of_weeks(pattern: &str) -> Result<()> {
    let is_letter = |(at, text): (usize, &str)| (at % 2 == 0).then(|| text.to_owned());
    let plain: String = pattern.split('\'').enumerate().filter_map(is_letter).collect();
    if !plain.contains(['Y', 'W', 'w', 'u', 'e', 'c']) {
        return Ok(());
    }
    let was_known =
        |letter: char| !letter.is_ascii_alphabetic() || "GyYMLwWDdFEuaHkKhmsSzZX".contains(letter);
    let class = match plain.chars().all(was_known) {
        true => "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION",
        false => "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_WEEK_BASED_PATTERN",
    };
    let text =
        format!("The datetime pattern '{pattern}' is based on weeks, which is not supported.");
    fail(class, "42K0B", text)
}

impl Pattern {
    pub fn new(pattern: &str) -> Result<Self> {
        const ILLEGAL: &str = "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER";
        const LENGTH: &str = "INVALID_DATETIME_PATTERN.LENGTH";
        let letters: Vec<char> = pattern.chars().collect();
        if letters.len() > PATTERN_CHARS_MAX {
            return invalid(LENGTH, "…");
        }
        of_weeks(pattern)?;
        let (mut parts, mut at) = (Vec::new(), 0);
        while let Some(&letter) = letters.get(at) {
            match letter {
                '\'' if letters.get(at + 1) == Some(&'\'') => {
                    parts.push(Part::Text("'".to_owned()));
                    at += 2;
                }
                '\'' => {
                    let Some(end) = letters[at + 1..].iter().position(|c| *c == '\'') else {
                        return invalid(ILLEGAL, pattern);
                    };
                    parts.push(Part::Text(letters[at + 1..at + 1 + end].iter().collect()));
                    at += end + 2;
                }
                '[' | ']' => {
                    parts.push(if letter == '[' { Part::Open } else { Part::Close });
                    at += 1;
                }
                letter if letter.is_ascii_alphabetic() => {
                    let count = letters[at..].iter().take_while(|c| **c == letter).count();
                    let most = match letter {
                        'y' | 'S' => 9,
                        'M' | 'L' | 'E' | 'G' | 'Q' | 'q' | 'O' | 'z' => 4,
                        'd' | 'H' | 'h' | 'm' | 's' | 'k' | 'K' | 'V' => 2,
                        'D' => 3,
                        'X' | 'x' | 'Z' => 5,
                        'a' | 'F' => 1,
                        _ => return invalid(ILLEGAL, pattern),
                    };
                    if count > most || (letter == 'V' && count != 2) {
                        return invalid(LENGTH, pattern);
                    }
                    parts.push(Part::Field(letter, count));
                    at += count;
                }
                '{' | '}' | '#' => return invalid(ILLEGAL, pattern),
                other => {
                    parts.push(Part::Text(other.to_string()));
                    at += 1;
                }
            }
        }
        Ok(Self(parts))
    }

    pub fn write(&self, at: NaiveDateTime, zone: &Tz) -> Result<String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(letter, count) => field(&mut out, *letter, *count, at, zone)?,
                Part::Open | Part::Close => {}
            }
        }
        Ok(out)
    }

    /// What a text says, if it is of this form; on the clock of `zone`.
    pub fn read(&self, text: &str, zone: &Tz) -> Result<Option<NaiveDateTime>> {
        let mut read = Read::default();
        let Some(rest) = self.walk(0, text, &mut read) else { return Ok(None) };
        if !rest.is_empty() {
            return Ok(None);
        }
        let Some(local) = read.local() else { return Ok(None) };
        match read.zone {
            None => Ok(Some(local)),
            Some(Zone::Seconds(offset)) => {
                let utc = local - TimeDelta::seconds(i64::from(offset));
                local_of(utc.and_utc().timestamp_micros(), zone).map(Some)
            }
            Some(Zone::Named(name)) => match zone_of(&name) {
                Ok(theirs) => local_of(instant_of(local, &theirs), zone).map(Some),
                Err(_) => Ok(None),
            },
        }
    }

    fn walk<'t>(&self, from: usize, text: &'t str, read: &mut Read) -> Option<&'t str> {
        let (mut rest, mut at) = (text, from);
        // Where to go on, and with what, when an optional part does not come.
        let mut open: Vec<(usize, &'t str, Read)> = Vec::new();
        while let Some(part) = self.0.get(at) {
            let next = match part {
                Part::Open => {
                    open.push((self.behind(at), rest, read.clone()));
                    Some(rest)
                }
                Part::Close => {
                    open.pop();
                    Some(rest)
                }
                Part::Text(literal) => rest.strip_prefix(literal.as_str()),
                Part::Field(letter, count) => {
                    let is_packed = matches!(self.0.get(at + 1), Some(Part::Field(..)));
                    read.field(*letter, *count, is_packed, rest)
                }
            };
            at += 1;
            match next {
                Some(next) => rest = next,
                None => {
                    let (behind, before, known) = open.pop()?;
                    (at, rest, *read) = (behind, before, known);
                }
            }
        }
        Some(rest)
    }

    /// Behind the end of the optional part that begins here.
    fn behind(&self, open: usize) -> usize {
        let mut depth = 0;
        for (at, part) in self.0.iter().enumerate().skip(open) {
            match part {
                Part::Open => depth += 1,
                Part::Close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.0.len()
    }
}

fn field(out: &mut String, letter: char, count: usize, at: NaiveDateTime, zone: &Tz) -> Result<()> {
    let month = MONTHS[at.month0() as usize];
    let day = DAYS[at.weekday().num_days_from_monday() as usize];
    let name =
        |out: &mut String, name: &str| out.push_str(if count == 4 { name } else { &name[..3] });
    let padded = |out: &mut String, number: u32| {
        let _ = write!(out, "{number:0count$}");
    };
    match letter {
        'y' if count == 2 => {
            let _ = write!(out, "{:02}", at.year().rem_euclid(100));
        }
        'y' => {
            // More digits than asked for carry a sign.
            let sign = if count >= 4 && at.year() > 9999 { "+" } else { "" };
            let _ = write!(out, "{sign}{:0count$}", at.year());
        }
        'G' => out.push_str(match (at.year() > 0, count) {
            (true, 4) => "Anno Domini",
            (true, _) => "AD",
            (false, 4) => "Before Christ",
            (false, _) => "BC",
        }),
        'M' | 'L' if count >= 3 => name(out, month),
        'M' | 'L' => padded(out, at.month()),
        'Q' | 'q' => match count {
            3 => {
                let _ = write!(out, "Q{}", at.month0() / 3 + 1);
            }
            4 => {
                let ordinal = ["1st", "2nd", "3rd", "4th"][(at.month0() / 3) as usize];
                let _ = write!(out, "{ordinal} quarter");
            }
            _ => padded(out, at.month0() / 3 + 1),
        },
        'd' => padded(out, at.day()),
        'D' => padded(out, at.ordinal()),
        'F' => padded(out, at.day0() / 7 + 1),
        'E' => name(out, day),
        'a' => out.push_str(if at.hour() < 12 { "AM" } else { "PM" }),
        'H' => padded(out, at.hour()),
        'k' => padded(out, if at.hour() == 0 { 24 } else { at.hour() }),
        'K' => padded(out, at.hour() % 12),
        'h' => padded(out, if at.hour().is_multiple_of(12) { 12 } else { at.hour() % 12 }),
        'm' => padded(out, at.minute()),
        's' => padded(out, at.second()),
        'S' => out.push_str(&format!("{:09}", at.nanosecond())[..count]),
        'V' => {
            let _ = write!(out, "{zone:?}");
        }
        _ => {
            let utc = instant_of(at, zone).div_euclid(1_000_000);
            let utc = chrono::DateTime::from_timestamp(utc, 0).unwrap_or_default().naive_utc();
            let offset = zone.offset_from_utc_datetime(&utc);
            write_offset(out, letter, count, offset.fix().local_minus_utc(), &offset.to_string());
        }
    }
    Ok(())
}

fn write_offset(out: &mut String, letter: char, count: usize, seconds: i32, name: &str) {
    let (sign, size) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let (hours, minutes, rest) = (size / 3600, size / 60 % 60, size % 60);
    let _ = match (letter, count) {
        ('z', _) => write!(out, "{name}"),
        ('X', _) | ('Z', 5) if seconds == 0 => write!(out, "Z"),
        ('O', _) | ('Z', 4) if seconds == 0 => write!(out, "GMT"),
        ('O', 1) if minutes == 0 => write!(out, "GMT{sign}{hours}"),
        ('O', 1) => write!(out, "GMT{sign}{hours}:{minutes:02}"),
        ('O', _) | ('Z', 4) => write!(out, "GMT{sign}{hours:02}:{minutes:02}"),
        ('X' | 'x', 1) if minutes == 0 => write!(out, "{sign}{hours:02}"),
        ('X' | 'x', 3 | 5) | ('Z', 5) if rest == 0 => write!(out, "{sign}{hours:02}:{minutes:02}"),
        ('X' | 'x' | 'Z', 5) => write!(out, "{sign}{hours:02}:{minutes:02}:{rest:02}"),
        ('X' | 'x', 3) => write!(out, "{sign}{hours:02}:{minutes:02}"),
        _ => write!(out, "{sign}{hours:02}{minutes:02}"),
    };
}

#[derive(Clone)]
enum Zone {
    Seconds(i32),
    Named(String),
}

/// Fields read so far.
#[derive(Clone, Default)]
struct Read {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    ordinal: Option<u32>,
    weekday: Option<u32>,
    hour: Option<u32>,
    hour_of_half: Option<u32>,
    is_afternoon: Option<bool>,
    minute: Option<u32>,
    second: Option<u32>,
    nanos: u32,
    is_before: bool,
    zone: Option<Zone>,
}

/// A number of some digits in front of the rest.
fn digits(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let found = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    (found >= least).then(|| text[..found].parse().ok().map(|number| (number, &text[found..])))?
}

fn named<'t>(text: &'t str, names: &[&str], is_full: bool) -> Option<(u32, &'t str)> {
    names.iter().zip(0_u32..).find_map(|(name, at)| {
        let name = if is_full { name } else { &name[..3] };
        let head = text.get(..name.len())?;
        head.eq_ignore_ascii_case(name).then(|| (at, &text[name.len()..]))
    })
}

impl Read {
    fn field<'t>(
        &mut self,
        letter: char,
        count: usize,
        is_packed: bool,
        text: &'t str,
    ) -> Option<&'t str> {
        let wide = |most: usize| {
            let most = if count > 1 || is_packed { count.max(1) } else { most };
            digits(text, count.min(most), most)
        };
        let (number, rest) = match letter {
            'y' if count == 2 => digits(text, 2, 2).map(|(year, rest)| (year + 2000, rest))?,
            'y' => {
                let (sign, text) = match text.strip_prefix('-') {
                    Some(rest) => (-1, rest),
                    None => (1, text.strip_prefix('+').unwrap_or(text)),
                };
                let most = if is_packed { count } else { 9 };
                let (year, rest) = digits(text, count.min(4), most)?;
                self.year = Some(sign * i32::try_from(year).ok()?);
                return Some(rest);
            }
            'M' | 'L' if count >= 3 => {
                named(text, &MONTHS, count == 4).map(|(at, rest)| (at + 1, rest))?
            }
            'E' => named(text, &DAYS, count == 4)?,
            'a' => named(text, &["AM ", "PM "].map(|name| &name[..2]), true)?,
            'G' => named(text, &["AD ", "BC "].map(|name| &name[..2]), true)?,
            'S' => {
                let (part, rest) = digits(text, count, count)?;
                let scale = u32::try_from(9 - count).ok()?;
                (part * 10_u32.pow(scale), rest)
            }
            'D' => wide(3)?,
            'V' | 'z' => {
                let end = text.find(|c: char| !(c.is_alphanumeric() || "/_+-:".contains(c)));
                let (name, rest) = text.split_at(end.unwrap_or(text.len()));
                self.zone = Some(Zone::Named(name.to_owned()));
                return (!name.is_empty()).then_some(rest);
            }
            'X' | 'x' | 'Z' | 'O' => return self.offset(text),
            _ => wide(2)?,
        };
        match letter {
            'y' => self.year = Some(i32::try_from(number).ok()?),
            'M' | 'L' => self.month = Some(number),
            'Q' | 'q' => self.month = self.month.or(Some(number * 3 - 2)),
            'd' => self.day = Some(number),
            'D' => self.ordinal = Some(number),
            'E' => self.weekday = Some(number),
            'G' => self.is_before = number == 1,
            'a' => self.is_afternoon = Some(number == 1),
            'H' => self.hour = Some(number),
            'k' => self.hour = Some(if number == 24 { 0 } else { number }),
            'K' => self.hour_of_half = Some(number).filter(|hour| *hour < 12),
            'h' => self.hour_of_half = Some(number % 12).filter(|_| (1..=12).contains(&number)),
            'm' => self.minute = Some(number),
            's' => self.second = Some(number),
            'S' => self.nanos = number,
            _ => {}
        }
        Some(rest)
    }

    fn offset<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let text = text.strip_prefix("GMT").unwrap_or(text);
        if let Some(rest) = text.strip_prefix('Z') {
            self.zone = Some(Zone::Seconds(0));
            return Some(rest);
        }
        let (sign, text) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+')?),
        };
        let (hours, rest) = digits(text, 1, 2)?;
        let minutes = digits(rest.strip_prefix(':').unwrap_or(rest), 2, 2);
        let (minutes, rest) = minutes.unwrap_or((0, rest));
        (hours <= 18 && minutes < 60).then_some(())?;
        self.zone = Some(Zone::Seconds(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?));
        Some(rest)
    }

    fn local(&self) -> Option<NaiveDateTime> {
        let year = self.year.unwrap_or(1970);
        let year = if self.is_before { 1 - year } else { year };
        let date = match self.ordinal {
            Some(ordinal) => NaiveDate::from_yo_opt(year, ordinal)?,
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let is_day = |day: u32| date.weekday().num_days_from_monday() == day;
        self.weekday.is_none_or(is_day).then_some(())?;
        let half = if self.is_afternoon == Some(true) { 12 } else { 0 };
        let hour = self.hour.or_else(|| self.hour_of_half.map(|hour| hour + half)).unwrap_or(0);
        let (minute, second) = (self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let time = NaiveTime::from_hms_nano_opt(hour, minute, second, self.nanos)?;
        Some(date.and_time(time))
    }
}
