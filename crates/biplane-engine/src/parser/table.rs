//! CREATE TABLE and ALTER TABLE.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

const COLUMNS_MAX: usize = 10_000;

impl Cursor<'_> {
    pub(super) fn create_table(&mut self, or_replace: bool) -> Result<Statement, ParseError> {
        let if_not_exists = self.eat("IF NOT EXISTS");
        let name = self.object_name()?;
        let mut out = CreateTable {
            name,
            if_not_exists,
            or_replace,
            temporary: false,
            kept: None,
            columns: Vec::new(),
            constraints: Vec::new(),
            format: None,
            options: Properties::new(),
            partitioned_by: Vec::new(),
            clustered_by: None,
            location: None,
            comment: None,
            properties: Properties::new(),
            source: TableSource::Columns,
        };
        if self.eat("LIKE") {
            out.source = TableSource::Like(self.object_name()?);
        } else if self.at("SHALLOW CLONE") || self.at("DEEP CLONE") || self.at("CLONE") {
            out.source = self.clone_source()?;
        } else if self.peek() == Token::LParen && !self.at_query_in_brackets() {
            self.table_elements(&mut out)?;
        }
        self.table_clauses(&mut out)?;
        if self.eat("AS") || self.at("SELECT") || self.at("WITH") || self.peek() == Token::LParen {
            if !matches!(out.source, TableSource::Columns) {
                return self.unexpected("end of statement");
            }
            out.source = TableSource::Query(self.query_text()?);
        }
        Ok(Statement::CreateTable(Box::new(out)))
    }

    /// Behind TEMPORARY TABLE.
    pub(super) fn create_temporary_table(
        &mut self,
        or_replace: bool,
    ) -> Result<Statement, ParseError> {
        let Statement::CreateTable(mut out) = self.create_table(or_replace)? else {
            return self.unexpected("a table");
        };
        out.temporary = true;
        Ok(Statement::CreateTable(out))
    }

    /// Behind MATERIALIZED VIEW and STREAMING TABLE.
    pub(super) fn create_kept(
        &mut self,
        or_replace: bool,
        kept: Kept,
    ) -> Result<Statement, ParseError> {
        let what = match kept {
            Kept::MaterializedView => "a materialized view",
            Kept::StreamingTable { .. } => "a streaming table",
        };
        let Statement::CreateTable(mut out) = self.create_table(or_replace)? else {
            return self.unexpected("a query");
        };
        if !matches!(out.source, TableSource::Query(_)) {
            return self.unexpected("AS and a query");
        }
        if !out.columns.is_empty() || !out.constraints.is_empty() {
            return self.unsupported(&format!("A list of columns of {what}"));
        }
        if out.location.is_some() || out.format.is_some() || !out.options.is_empty() {
            return self.unexpected(&format!("{what} without USING, LOCATION and OPTIONS"));
        }
        out.kept = Some(kept);
        Ok(Statement::CreateTable(out))
    }

    /// `(SELECT …`: the query of a CTAS without AS, not a list of columns.
    fn at_query_in_brackets(&self) -> bool {
        matches!(&self.parser.peek_nth_token_ref(1).token, Token::Word(w) if w.quote_style.is_none()
            && (w.value.eq_ignore_ascii_case("select") || w.value.eq_ignore_ascii_case("with")))
    }

    fn clone_source(&mut self) -> Result<TableSource, ParseError> {
        let _ = self.eat("SHALLOW") || self.eat("DEEP");
        self.expect("CLONE")?;
        let table = self.object_name()?;
        let version = self.optional_version()?;
        Ok(TableSource::Clone { table, version })
    }

    pub(super) fn optional_version(&mut self) -> Result<Option<TableVersion>, ParseError> {
        if self.eat("VERSION AS OF") {
            return Ok(Some(TableVersion::Version(self.integer()?)));
        }
        if self.eat("TIMESTAMP AS OF") {
            return Ok(Some(TableVersion::Timestamp(self.string()?)));
        }
        Ok(None)
    }

    fn table_elements(&mut self, out: &mut CreateTable) -> Result<(), ParseError> {
        self.expect_token(&Token::LParen)?;
        loop {
            if let Some(constraint) = self.optional_constraint()? {
                out.constraints.push(constraint);
            } else {
                let column = self.column_def(&mut out.constraints)?;
                out.columns.push(column);
            }
            if out.columns.len() > COLUMNS_MAX {
                return self.fail("The table has too many columns.");
            }
            if !self.eat_token(&Token::Comma) {
                return self.expect_token(&Token::RParen);
            }
        }
    }

    fn table_clauses(&mut self, out: &mut CreateTable) -> Result<(), ParseError> {
        loop {
            if self.eat("USING") {
                out.format = Some(self.identifier()?.to_ascii_lowercase());
            } else if self.eat("OPTIONS") {
                out.options = self.properties()?;
            } else if self.eat("PARTITIONED BY") {
                out.partitioned_by = self.list(Self::partition_column)?;
            } else if self.eat("CLUSTER BY") {
                out.clustered_by = Some(self.clustering()?);
            } else if self.eat("CLUSTERED BY") {
                return self.unsupported("CLUSTERED BY … INTO BUCKETS");
            } else if self.at("SCHEDULE") || self.at("TRIGGER ON UPDATE") {
                return self.unsupported("A schedule; a job that runs REFRESH keeps one");
            } else if self.at("WITH ROW FILTER") {
                return self.unsupported("WITH ROW FILTER");
            } else if self.at("STORED AS") || self.at("ROW FORMAT") {
                return self.unsupported("A Hive format");
            } else if self.eat("LOCATION") {
                out.location = Some(self.string()?);
            } else if self.eat("COMMENT") {
                out.comment = Some(self.string()?);
            } else if self.eat("TBLPROPERTIES") {
                out.properties = self.properties()?;
            } else if self.eat("DEFAULT COLLATION") {
                let name = self.identifier()?;
                if !name.eq_ignore_ascii_case("utf8_binary") {
                    return self.unsupported("A collation other than UTF8_BINARY");
                }
            } else {
                return Ok(());
            }
        }
    }

    fn partition_column(&mut self) -> Result<PartitionColumn, ParseError> {
        let name = self.identifier()?;
        if self.peek() == Token::LParen {
            return self.unsupported("A partition transform");
        }
        let ends = matches!(self.peek(), Token::Comma | Token::RParen);
        let sql_type = if ends { None } else { Some(self.sql_type()?) };
        if self.eat("COMMENT") {
            self.string()?;
        }
        Ok(PartitionColumn { name, sql_type })
    }

    fn clustering(&mut self) -> Result<Clustering, ParseError> {
        if self.eat("AUTO") {
            return Ok(Clustering::Auto);
        }
        if self.eat("NONE") {
            return Ok(Clustering::None);
        }
        Ok(Clustering::Columns(self.identifier_list()?))
    }

    /// Constraints written with a column go to the table's.
    pub(super) fn column_def(
        &mut self,
        constraints: &mut Vec<Constraint>,
    ) -> Result<ColumnDef, ParseError> {
        let name = self.identifier()?;
        let sql_type = self.sql_type()?;
        let mut out = ColumnDef {
            name,
            sql_type,
            not_null: false,
            comment: None,
            default: None,
            generated: None,
        };
        loop {
            if self.eat("NOT NULL") {
                out.not_null = true;
            } else if self.eat("NULL") {
                out.not_null = false;
            } else if self.eat("COMMENT") {
                out.comment = Some(self.string()?);
            } else if self.eat("DEFAULT") {
                out.default = Some(self.expr_text()?);
            } else if self.eat("GENERATED") {
                out.generated = Some(self.generated()?);
            } else if self.at("MASK") {
                return self.unsupported("A column mask");
            } else if self.at("CONSTRAINT")
                || self.at("PRIMARY")
                || self.at("REFERENCES")
                || self.at("CHECK")
                || self.at("FOREIGN")
            {
                let constraint = self.column_constraint(&out.name)?;
                constraints.push(constraint);
            } else {
                return Ok(out);
            }
        }
    }

    fn generated(&mut self) -> Result<Generated, ParseError> {
        let always = self.eat("ALWAYS");
        if !always {
            self.expect("BY DEFAULT")?;
        }
        self.expect("AS")?;
        if self.eat("IDENTITY") {
            return self.identity(always).map(Generated::Identity);
        }
        if !always {
            return self.unexpected("IDENTITY");
        }
        self.expect_token(&Token::LParen)?;
        let expr = self.expr_text()?;
        self.expect_token(&Token::RParen)?;
        Ok(Generated::As(Box::new(expr)))
    }

    /// `(START WITH 1 INCREMENT BY 1)`, in any order, or nothing.
    fn identity(&mut self, always: bool) -> Result<Identity, ParseError> {
        let mut out = Identity { always, start: 1, step: 1 };
        if !self.eat_token(&Token::LParen) {
            return Ok(out);
        }
        while !self.eat_token(&Token::RParen) {
            if self.eat("START WITH") {
                out.start = self.integer()?;
            } else if self.eat("INCREMENT BY") {
                out.step = self.integer()?;
            } else {
                return self.unexpected("START WITH or INCREMENT BY");
            }
            self.eat_token(&Token::Comma);
        }
        Ok(out)
    }

    fn column_constraint(&mut self, column: &str) -> Result<Constraint, ParseError> {
        let name = if self.eat("CONSTRAINT") { Some(self.identifier()?) } else { None };
        let columns = vec![column.to_owned()];
        let rule = if self.eat("PRIMARY KEY") {
            ConstraintRule::PrimaryKey { columns, rely: self.key_options()? }
        } else if self.eat("CHECK") {
            return Ok(Constraint { name, rule: self.check_rule()? });
        } else {
            self.eat("FOREIGN KEY");
            self.foreign_rule(columns)?
        };
        Ok(Constraint { name, rule })
    }

    pub(super) fn optional_constraint(&mut self) -> Result<Option<Constraint>, ParseError> {
        let name = if self.eat("CONSTRAINT") { Some(self.identifier()?) } else { None };
        let rule = if self.at("PRIMARY KEY") {
            self.expect("PRIMARY KEY")?;
            let columns = self.list(|c| {
                let column = c.identifier()?;
                c.eat("TIMESERIES");
                Ok(column)
            })?;
            ConstraintRule::PrimaryKey { columns, rely: self.key_options()? }
        } else if self.eat("FOREIGN KEY") {
            let columns = self.identifier_list()?;
            self.foreign_rule(columns)?
        } else if name.is_some() || (self.at("CHECK") && self.check_opens()) {
            self.expect("CHECK")?;
            self.check_rule()?
        } else {
            return Ok(None);
        };
        Ok(Some(Constraint { name, rule }))
    }

    fn check_opens(&self) -> bool {
        self.parser.peek_nth_token_ref(1).token == Token::LParen
    }

    fn check_rule(&mut self) -> Result<ConstraintRule, ParseError> {
        self.expect_token(&Token::LParen)?;
        let expr = self.expr_text()?;
        self.expect_token(&Token::RParen)?;
        self.eat("ENFORCED");
        Ok(ConstraintRule::Check(Box::new(expr)))
    }

    fn foreign_rule(&mut self, columns: Vec<String>) -> Result<ConstraintRule, ParseError> {
        self.expect("REFERENCES")?;
        let parent = self.object_name()?;
        let parent_columns =
            if self.peek() == Token::LParen { self.identifier_list()? } else { Vec::new() };
        self.key_options()?;
        Ok(ConstraintRule::ForeignKey { columns, parent, parent_columns })
    }

    /// What may follow a key; whether RELY was among it.
    fn key_options(&mut self) -> Result<bool, ParseError> {
        const OPTIONS: [&str; 13] = [
            "NOT ENFORCED",
            "DEFERRABLE",
            "INITIALLY DEFERRED",
            "NORELY",
            "RELY",
            "MATCH FULL",
            "ON UPDATE NO ACTION",
            "ON DELETE NO ACTION",
            "ENABLE NOVALIDATE",
            "ENABLE",
            "NOVALIDATE",
            "DISABLE",
            "NOT NULL",
        ];
        let mut rely = false;
        while !self.at("NOT NULL") {
            match self.eat_one_of(&OPTIONS) {
                Some("RELY") => rely = true,
                Some(_) => {}
                None => break,
            }
        }
        Ok(rely)
    }

    pub(super) fn alter_table(&mut self) -> Result<Statement, ParseError> {
        let name = self.object_name()?;
        if let Some(tags) = self.optional_tags(ObjectKind::Table, &name, None)? {
            return Ok(tags);
        }
        let action = if self.eat("RENAME TO") {
            TableAction::Rename(self.object_name()?)
        } else if self.eat("RENAME COLUMN") {
            let from = self.column_path()?;
            self.expect("TO")?;
            TableAction::RenameColumn { from, to: self.identifier()? }
        } else if self.eat_one_of(&["ADD COLUMNS", "ADD COLUMN"]).is_some() {
            self.add_columns()?
        } else if self.eat("ADD") {
            match self.optional_constraint()? {
                Some(constraint) => TableAction::AddConstraint(constraint),
                None => return self.unsupported("ALTER TABLE ADD of this kind"),
            }
        } else if self.eat_one_of(&["DROP COLUMNS", "DROP COLUMN"]).is_some() {
            let if_exists = self.eat("IF EXISTS");
            let many = self.peek() == Token::LParen;
            let columns =
                if many { self.list(Self::column_path)? } else { vec![self.column_path()?] };
            TableAction::DropColumns { columns, if_exists }
        } else if self.eat("DROP CONSTRAINT") {
            let if_exists = self.eat("IF EXISTS");
            let name = self.identifier()?;
            let _ = self.eat("CASCADE") || self.eat("RESTRICT");
            TableAction::DropConstraint { name, if_exists }
        } else if self.at("ALTER COLUMN") || self.at("CHANGE COLUMN") || self.at("CHANGE") {
            let column = self.altered_column()?;
            if let Some(tags) = self.optional_tags(ObjectKind::Table, &name, Some(&column))? {
                return Ok(tags);
            }
            self.alter_column(column)?
        } else if self.eat("CLUSTER BY") {
            TableAction::ClusterBy(self.clustering()?)
        } else {
            self.set_or_unset()?
        };
        Ok(Statement::AlterTable(AlterTable { name, action }))
    }

    fn add_columns(&mut self) -> Result<TableAction, ParseError> {
        let if_not_exists = self.eat("IF NOT EXISTS");
        let mut constraints = Vec::new();
        let mut columns = Vec::new();
        let mut positions = Vec::new();
        let bracket = self.eat_token(&Token::LParen);
        loop {
            columns.push(self.column_def(&mut constraints)?);
            positions.push(self.optional_position()?);
            if !self.eat_token(&Token::Comma) {
                break;
            }
        }
        if bracket {
            self.expect_token(&Token::RParen)?;
        }
        if !constraints.is_empty() {
            return self.unsupported("A constraint of an added column");
        }
        Ok(TableAction::AddColumns { columns, positions, if_not_exists })
    }

    fn optional_position(&mut self) -> Result<Option<Position>, ParseError> {
        if self.eat("FIRST") {
            return Ok(Some(Position::First));
        }
        match self.eat("AFTER") {
            true => Ok(Some(Position::After(self.identifier()?))),
            false => Ok(None),
        }
    }

    fn column_path(&mut self) -> Result<Vec<String>, ParseError> {
        let mut path = vec![self.identifier()?];
        while self.eat_token(&Token::Period) {
            path.push(self.identifier()?);
        }
        Ok(path)
    }

    fn altered_column(&mut self) -> Result<String, ParseError> {
        let _ = self.eat("ALTER COLUMN") || self.eat("CHANGE COLUMN") || self.eat("CHANGE");
        let column = self.identifier()?;
        match self.peek() {
            Token::Period => self.unsupported("Changing a nested field"),
            _ => Ok(column),
        }
    }

    fn alter_column(&mut self, column: String) -> Result<TableAction, ParseError> {
        if self.eat("COMMENT") {
            Ok(TableAction::ColumnComment { column, comment: self.string_or_null()? })
        } else if self.eat("SET NOT NULL") {
            Ok(TableAction::ColumnNotNull { column, not_null: true })
        } else if self.eat("SET DEFAULT") {
            Ok(TableAction::ColumnDefault { column, default: Some(Box::new(self.expr_text()?)) })
        } else if self.eat("DROP DEFAULT") {
            Ok(TableAction::ColumnDefault { column, default: None })
        } else if self.eat("DROP NOT NULL") {
            Ok(TableAction::ColumnNotNull { column, not_null: false })
        } else if self.eat("TYPE") {
            Ok(TableAction::ColumnType { column, sql_type: self.sql_type()? })
        } else if self.eat("SYNC IDENTITY") {
            Ok(TableAction::SyncIdentity { column })
        } else if let Some(position) = self.optional_position()? {
            Ok(TableAction::ColumnPosition { column, position })
        } else {
            self.unsupported("This change of a column")
        }
    }

    fn set_or_unset(&mut self) -> Result<TableAction, ParseError> {
        if self.eat("SET TBLPROPERTIES") {
            Ok(TableAction::SetProperties(self.properties()?))
        } else if self.eat("UNSET TBLPROPERTIES") {
            let if_exists = self.eat("IF EXISTS");
            Ok(TableAction::UnsetProperties { keys: self.property_keys()?, if_exists })
        } else if self.eat("SET OWNER TO") || self.eat("OWNER TO") {
            Ok(TableAction::SetOwner(self.string_or_identifier()?))
        } else if ["SET", "UNSET", "DROP", "RECOVER", "ENABLE", "DISABLE", "INHERIT", "REPLACE"]
            .iter()
            .any(|word| self.at(word))
        {
            self.unsupported("This change of a table")
        } else {
            self.unexpected("a change of a table")
        }
    }
}
