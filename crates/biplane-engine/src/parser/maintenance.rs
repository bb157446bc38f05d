//! OPTIMIZE, VACUUM, RESTORE, REFRESH and LIST.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

impl Cursor<'_> {
    pub(super) fn optimize(&mut self) -> Result<Statement, ParseError> {
        self.expect("OPTIMIZE")?;
        let table = self.object_name()?;
        let full = self.eat("FULL");
        let filter = if self.eat("WHERE") { Some(self.expr()?) } else { None };
        let zorder = if self.eat("ZORDER BY") {
            if self.peek() == Token::LParen {
                self.identifier_list()?
            } else {
                let mut columns = vec![self.identifier()?];
                while self.eat_token(&Token::Comma) {
                    columns.push(self.identifier()?);
                }
                columns
            }
        } else {
            Vec::new()
        };
        Ok(Statement::Optimize(Box::new(Optimize { table, filter, zorder, full })))
    }

    pub(super) fn vacuum(&mut self) -> Result<Statement, ParseError> {
        self.expect("VACUUM")?;
        let table = self.object_name()?;
        let mut out = Vacuum { table, retain_hours: None, dry_run: false, lite: false };
        loop {
            if self.eat("RETAIN") {
                out.retain_hours = Some(self.number()?);
                self.expect("HOURS")?;
            } else if self.eat("DRY RUN") {
                out.dry_run = true;
            } else if self.eat("LITE") {
                out.lite = true;
            } else if self.eat("FULL") {
                out.lite = false;
            } else {
                return Ok(Statement::Vacuum(out));
            }
        }
    }

    pub(super) fn restore(&mut self) -> Result<Statement, ParseError> {
        self.expect("RESTORE")?;
        self.eat("TABLE");
        let table = self.object_name()?;
        self.eat("TO");
        match self.optional_version()? {
            Some(to) => Ok(Statement::Restore(Restore { table, to })),
            None => self.unexpected("VERSION AS OF or TIMESTAMP AS OF"),
        }
    }

    /// Statements about caches and statistics that have nothing to do here.
    pub(super) fn refresh(&mut self) -> Result<Statement, ParseError> {
        let at = self.position();
        let kept = ["REFRESH MATERIALIZED VIEW", "REFRESH STREAMING TABLE", "REFRESH TABLE"];
        if let Some(kind) = self.eat_one_of(&kept) {
            let table = self.object_name()?;
            let full = self.eat("FULL");
            let _ = self.eat("SYNC");
            if self.at("ASYNC") {
                return self.unsupported("REFRESH … ASYNC");
            }
            return Ok(match kind {
                "REFRESH MATERIALIZED VIEW" => Statement::RefreshView { view: table },
                "REFRESH STREAMING TABLE" => Statement::RefreshStreaming { table, full },
                // Of a table that nobody fills it asks nothing.
                _ => Statement::RefreshTable { table, full },
            });
        }
        if self.eat("MSCK REPAIR TABLE") || self.eat("REPAIR TABLE") {
            let table = Some(self.object_name()?);
            let _ = self.eat("SYNC METADATA");
            return Ok(Statement::Refresh { table });
        }
        if self.eat("ANALYZE TABLE") {
            let table = Some(self.object_name()?);
            self.expect("COMPUTE")?;
            self.eat("DELTA");
            self.expect("STATISTICS")?;
            if self.eat("FOR COLUMNS") {
                self.identifier()?;
                while self.eat_token(&Token::Comma) {
                    self.identifier()?;
                }
            } else {
                let _ = self.eat("FOR ALL COLUMNS") || self.eat("NOSCAN");
            }
            return Ok(Statement::Refresh { table });
        }
        Err(ParseError::unsupported("This statement", at))
    }

    /// Files and footers are cached without being told: these only look whether the table is there.
    pub(super) fn cache(&mut self) -> Result<Statement, ParseError> {
        if self.eat("CLEAR CACHE") {
            return Ok(Statement::Refresh { table: None });
        }
        if self.eat("UNCACHE TABLE") {
            let table = match self.eat("IF EXISTS") {
                // Then nothing is asked of it.
                true => self.object_name().map(|_| None)?,
                false => Some(self.object_name()?),
            };
            return Ok(Statement::Refresh { table });
        }
        self.expect("CACHE")?;
        self.eat("LAZY");
        if !self.eat("TABLE") {
            return self.unsupported("CACHE SELECT");
        }
        let table = Some(self.object_name()?);
        if self.eat("OPTIONS") {
            self.properties()?;
        }
        match self.is_end() {
            true => Ok(Statement::Refresh { table }),
            false => self.unsupported("CACHE TABLE … AS"),
        }
    }

    /// ``CONVERT TO DELTA parquet.`/path` [NO STATISTICS] [PARTITIONED BY (p INT)]``.
    pub(super) fn convert(&mut self) -> Result<Statement, ParseError> {
        self.expect("CONVERT TO DELTA")?;
        let name = self.name()?;
        let [format, path] = name.0.as_slice() else {
            return self.unsupported("CONVERT TO DELTA of a table of the catalog");
        };
        if !format.eq_ignore_ascii_case("parquet") {
            return self.unsupported("CONVERT TO DELTA of anything but parquet.`/path`");
        }
        let path = path.clone();
        let statistics = !self.eat("NO STATISTICS");
        let partitions = match self.eat("PARTITIONED BY") {
            true => self.list(|c| c.column_def(&mut Vec::new()))?,
            false => Vec::new(),
        };
        Ok(Statement::Convert(Convert { path, partitions, statistics }))
    }

    pub(super) fn list_files(&mut self) -> Result<Statement, ParseError> {
        self.expect("LIST")?;
        let path = self.string()?;
        let limit = if self.eat("LIMIT") { u64::try_from(self.integer()?).ok() } else { None };
        Ok(Statement::List { path, limit })
    }
}
