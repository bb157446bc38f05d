//! Catalogs, schemas and volumes; DROP and COMMENT ON of anything.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use crate::session::temporary_name;

impl Cursor<'_> {
    pub(super) fn create_container(&mut self, catalog: bool) -> Result<Statement, ParseError> {
        let if_not_exists = self.eat("IF NOT EXISTS");
        let name = self.object_name()?;
        let limit = if catalog { 1 } else { 2 };
        if name.0.len() > limit {
            return self.fail("The name has too many parts.");
        }
        let mut out = CreateContainer {
            name,
            if_not_exists,
            comment: None,
            location: None,
            properties: Properties::new(),
        };
        loop {
            if self.eat("COMMENT") {
                out.comment = Some(self.string()?);
            } else if self.eat("MANAGED LOCATION") {
                out.location = Some(self.string()?);
            } else if self.eat("LOCATION") {
                return self.unsupported("LOCATION of a schema; MANAGED LOCATION is");
            } else if self
                .eat_one_of(&["WITH DBPROPERTIES", "DBPROPERTIES", "PROPERTIES", "OPTIONS"])
                .is_some()
            {
                out.properties = self.properties()?;
            } else if self.at("USING") || self.at("DEFAULT COLLATION") {
                return self.unsupported("This clause");
            } else {
                break;
            }
        }
        Ok(if catalog { Statement::CreateCatalog(out) } else { Statement::CreateSchema(out) })
    }

    pub(super) fn alter_container(&mut self, kind: ObjectKind) -> Result<Statement, ParseError> {
        let name = self.object_name()?;
        if let Some(tags) = self.optional_tags(kind, &name, None)? {
            return Ok(tags);
        }
        let action = self.container_action(kind)?;
        Ok(Statement::AlterContainer(AlterContainer { kind, name, action }))
    }

    fn container_action(&mut self, kind: ObjectKind) -> Result<ContainerAction, ParseError> {
        if self.eat("SET OWNER TO") || self.eat("OWNER TO") {
            Ok(ContainerAction::SetOwner(self.string_or_identifier()?))
        } else if self.eat("RENAME TO") {
            Ok(ContainerAction::Rename(self.object_name()?))
        } else if kind == ObjectKind::Schema && self.eat("SET DBPROPERTIES") {
            Ok(ContainerAction::SetProperties(self.properties()?))
        } else if self.at("DEFAULT COLLATION")
            || self.at("ENABLE")
            || self.at("DISABLE")
            || self.at("INHERIT")
            || self.at("SET")
        {
            self.unsupported("This change")
        } else {
            self.unexpected("SET OWNER TO or RENAME TO")
        }
    }

    pub(super) fn create_volume(&mut self, external: bool) -> Result<Statement, ParseError> {
        let if_not_exists = self.eat("IF NOT EXISTS");
        let name = self.object_name()?;
        let mut out = CreateVolume { name, external, if_not_exists, location: None, comment: None };
        loop {
            if self.eat("LOCATION") {
                out.location = Some(self.string()?);
            } else if self.eat("COMMENT") {
                out.comment = Some(self.string()?);
            } else {
                break;
            }
        }
        match (external, &out.location) {
            (true, None) => self.unexpected("LOCATION"),
            (false, Some(_)) => self.fail("LOCATION needs CREATE EXTERNAL VOLUME."),
            _ => Ok(Statement::CreateVolume(out)),
        }
    }

    pub(super) fn alter_volume(&mut self) -> Result<Statement, ParseError> {
        let name = self.object_name()?;
        if let Some(tags) = self.optional_tags(ObjectKind::Volume, &name, None)? {
            return Ok(tags);
        }
        let action = self.container_action(ObjectKind::Volume)?;
        Ok(Statement::AlterVolume(AlterVolume { name, action }))
    }

    pub(super) fn drop_statement(&mut self) -> Result<Statement, ParseError> {
        self.expect("DROP")?;
        if self.eat("TEMPORARY VARIABLE") || self.eat("TEMP VARIABLE") {
            return self.drop_variable();
        }
        if self.eat("TEMPORARY FUNCTION") || self.eat("TEMP FUNCTION") {
            let if_exists = self.eat("IF EXISTS");
            return Ok(Statement::DropRoutine { name: self.object_name()?, if_exists });
        }
        let temporary = self.eat_one_of(&["TEMPORARY TABLE", "TEMP TABLE"]).is_some();
        let kind = if temporary {
            ObjectKind::Table
        } else if self.at("TEMPORARY") {
            return self.unsupported("DROP of this kind of object");
        } else {
            self.object_kind()?
        };
        let if_exists = self.eat("IF EXISTS");
        let name = match (temporary, self.object_name()?) {
            (true, Name(parts)) if parts.len() == 1 => Name(temporary_name(&parts[0]).to_vec()),
            (_, name) => name,
        };
        let cascade = self.eat("CASCADE");
        if !cascade {
            self.eat("RESTRICT");
        }
        self.eat("PURGE");
        Ok(Statement::Drop(Drop { kind, name, if_exists, cascade }))
    }

    pub(super) fn object_kind(&mut self) -> Result<ObjectKind, ParseError> {
        let kinds = [
            ("METASTORE", ObjectKind::Metastore),
            ("CATALOG", ObjectKind::Catalog),
            ("SCHEMA", ObjectKind::Schema),
            ("DATABASE", ObjectKind::Schema),
            ("TABLE", ObjectKind::Table),
            ("MATERIALIZED VIEW", ObjectKind::MaterializedView),
            ("VIEW", ObjectKind::View),
            ("VOLUME", ObjectKind::Volume),
            ("FUNCTION", ObjectKind::Function),
            ("EXTERNAL LOCATION", ObjectKind::ExternalLocation),
            ("STORAGE CREDENTIAL", ObjectKind::StorageCredential),
        ];
        match kinds.into_iter().find(|(words, _)| self.eat(words)) {
            Some((_, kind)) => Ok(kind),
            None => match UNSUPPORTED_KINDS.iter().any(|word| self.at(word)) {
                true => self.unsupported("This kind of object"),
                false => self.unexpected("a kind of object"),
            },
        }
    }

    pub(super) fn comment_on(&mut self) -> Result<Statement, ParseError> {
        self.expect("COMMENT ON")?;
        if self.eat("COLUMN") {
            let mut parts = self.name()?.0;
            let column = parts.pop();
            if parts.is_empty() {
                return self.fail("COMMENT ON COLUMN needs table.column.");
            }
            let comment = self.comment_is()?;
            let kind = ObjectKind::Table;
            return Ok(Statement::CommentOn(CommentOn {
                kind,
                name: Name(parts),
                column,
                comment,
            }));
        }
        let kind = self.object_kind()?;
        let name = self.object_name()?;
        let comment = self.comment_is()?;
        Ok(Statement::CommentOn(CommentOn { kind, name, column: None, comment }))
    }

    fn comment_is(&mut self) -> Result<Option<String>, ParseError> {
        self.expect("IS")?;
        self.string_or_null()
    }
}

const UNSUPPORTED_KINDS: [&str; 9] = [
    "CONNECTION",
    "SHARE",
    "RECIPIENT",
    "PROVIDER",
    "SERVICE",
    "CREDENTIAL",
    "ANY",
    "ANONYMOUS",
    "VARIABLE",
];
