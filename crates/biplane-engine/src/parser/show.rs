//! SHOW, with the private forms by which drivers ask for metadata.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

impl Cursor<'_> {
    pub(super) fn show(&mut self) -> Result<Statement, ParseError> {
        self.expect("SHOW")?;
        let show = if self.eat("CATALOGS") {
            Show::Catalogs { like: self.optional_like()? }
        } else if self.eat("SCHEMAS") || self.eat("DATABASES") {
            Show::Schemas { scope: self.scope()?, like: self.optional_like()? }
        } else if self.eat("TABLE EXTENDED") {
            let scope = self.scope()?;
            self.expect("LIKE")?;
            let like = self.string()?;
            if self.at("PARTITION") {
                return self.unsupported("SHOW TABLE EXTENDED … PARTITION");
            }
            Show::TableExtended { scope, like }
        } else if self.eat("TABLES") {
            let (scope, schema_like) = self.wide_scope()?;
            Show::Tables { scope, schema_like, like: self.optional_like()? }
        } else if self.eat("VIEWS") {
            Show::Views { scope: self.scope()?, like: self.optional_like()? }
        } else if self.eat("VOLUMES") {
            Show::Volumes { scope: self.scope()?, like: self.optional_like()? }
        } else if self.at("FUNCTIONS") || self.at("USER") || self.at("SYSTEM") || self.at("ALL") {
            self.show_functions()?
        } else if self.eat("COLUMNS") {
            self.show_columns()?
        } else if self.eat_one_of(&["PRIMARY KEYS", "KEYS"]).is_some() {
            Show::Keys { table: self.key_table()? }
        } else if self.eat_one_of(&["FOREIGN KEYS", "IMPORTED KEYS"]).is_some() {
            Show::ForeignKeys { table: self.key_table()? }
        } else if self.eat("TBLPROPERTIES") {
            let table = self.object_name()?;
            let key = if self.eat_token(&Token::LParen) {
                let key = self.property_key()?;
                self.expect_token(&Token::RParen)?;
                Some(key)
            } else {
                None
            };
            Show::Properties { table, key }
        } else if self.eat("CREATE TABLE") || self.eat("CREATE VIEW") {
            let table = self.object_name()?;
            self.eat("AS SERDE");
            Show::CreateTable { table }
        } else if self.eat("PARTITIONS") {
            let table = self.object_name()?;
            if self.at("PARTITION") {
                return self.unsupported("SHOW PARTITIONS … PARTITION");
            }
            Show::Partitions { table }
        } else if self.eat("GRANTS") || self.eat("GRANT") {
            self.show_grants()?
        } else if self.eat_one_of(&["CURRENT SCHEMA", "CURRENT DATABASE"]).is_some() {
            Show::CurrentSchema
        } else if self.eat("USERS") {
            Show::Users { like: self.optional_like()? }
        } else if self.eat("GROUPS") {
            if self.at("WITH") {
                return self.unsupported("SHOW GROUPS WITH");
            }
            Show::Groups { like: self.optional_like()? }
        } else if SHOW_KNOWN.iter().any(|word| self.at(word)) {
            return self.unsupported("This SHOW");
        } else {
            return self.unexpected("something to show");
        };
        Ok(Statement::Show(show))
    }

    /// `[LIKE] 'pattern'`
    pub(super) fn optional_like(&mut self) -> Result<Option<String>, ParseError> {
        if self.eat("LIKE") {
            return self.string_or_identifier().map(Some);
        }
        match self.peek() {
            Token::SingleQuotedString(_) => self.string().map(Some),
            _ => Ok(None),
        }
    }

    fn scope(&mut self) -> Result<Scope, ParseError> {
        if !(self.eat("IN") || self.eat("FROM")) {
            return Ok(Scope::Current);
        }
        if self.eat("ALL CATALOGS") {
            return Ok(Scope::AllCatalogs);
        }
        if self.eat("CATALOG") {
            return Ok(Scope::Catalog(self.identifier()?));
        }
        let _ = self.eat("SCHEMA") || self.eat("DATABASE");
        Ok(Scope::In(self.object_name()?))
    }

    /// `IN CATALOG c SCHEMA LIKE 's'`, `IN ALL CATALOGS SCHEMA LIKE 's'`, or a plain scope.
    fn wide_scope(&mut self) -> Result<(Scope, Option<String>), ParseError> {
        let scope = self.scope()?;
        let wide = matches!(scope, Scope::Catalog(_) | Scope::AllCatalogs);
        let like = if wide && self.eat("SCHEMA") { self.optional_like()? } else { None };
        Ok((scope, like))
    }

    fn show_functions(&mut self) -> Result<Show, ParseError> {
        let kind = if self.eat("USER") {
            FunctionKind::User
        } else if self.eat("SYSTEM") {
            FunctionKind::System
        } else {
            self.eat("ALL");
            FunctionKind::All
        };
        self.expect("FUNCTIONS")?;
        let (scope, schema_like) = self.wide_scope()?;
        let like = if self.is_end() {
            None
        } else if self.at("LIKE") || matches!(self.peek(), Token::SingleQuotedString(_)) {
            self.optional_like()?
        } else {
            self.object_name()?.0.pop()
        };
        Ok(Show::Functions { scope, schema_like, like, kind })
    }

    fn show_columns(&mut self) -> Result<Show, ParseError> {
        if !(self.eat("IN") || self.eat("FROM")) {
            return self.unexpected("IN");
        }
        let scope = if self.eat("ALL CATALOGS") {
            Some(Scope::AllCatalogs)
        } else if self.at("CATALOG") && !self.at("CATALOG IN") {
            self.expect("CATALOG")?;
            Some(Scope::Catalog(self.identifier()?))
        } else {
            None
        };
        if let Some(scope) = scope {
            let schema_like = if self.eat("SCHEMA") { self.optional_like()? } else { None };
            let table_like = if self.eat("TABLE") { self.optional_like()? } else { None };
            let like = self.optional_like()?;
            return Ok(Show::ColumnsLike { scope, schema_like, table_like, like });
        }
        let mut table = self.object_name()?;
        if self.eat("IN") || self.eat("FROM") {
            let mut schema = self.object_name()?;
            schema.0.append(&mut table.0);
            table = schema;
        }
        Ok(Show::Columns { table })
    }

    /// `IN CATALOG c IN SCHEMA s IN TABLE t`, `IN c.s.t`.
    fn key_table(&mut self) -> Result<Name, ParseError> {
        if !(self.eat("IN") || self.eat("FROM")) {
            return self.unexpected("IN");
        }
        if !self.eat("CATALOG") {
            let _ = self.eat("TABLE");
            return self.object_name();
        }
        let catalog = self.identifier()?;
        let _ = self.eat("IN");
        self.expect("SCHEMA")?;
        let schema = self.identifier()?;
        let _ = self.eat("IN");
        self.expect("TABLE")?;
        Ok(Name(vec![catalog, schema, self.identifier()?]))
    }

    fn show_grants(&mut self) -> Result<Show, ParseError> {
        let principal = if self.at("ON") { None } else { Some(self.string_or_identifier()?) };
        self.expect("ON")?;
        let (kind, name) = self.securable()?;
        Ok(Show::Grants { principal, kind, name })
    }
}

const SHOW_KNOWN: [&str; 9] = [
    "SHARES",
    "RECIPIENTS",
    "PROVIDERS",
    "CONNECTIONS",
    "STORAGE",
    "EXTERNAL",
    "CREDENTIALS",
    "POLICIES",
    "ARCHIVED",
];
