//! The tables of `information_schema`: names, columns and types, as Databricks documents them.

use super::{ColumnInfo, TableInfo};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    Long,
    Time,
}

use Kind::{Int, Long, Text, Time};

#[derive(Debug)]
pub struct Definition {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
}

pub const DEFINITIONS: &[Definition] = &[
    Definition { name: "information_schema_catalog_name", columns: &[("catalog_name", Text)] },
    Definition {
        name: "catalogs",
        columns: &[
            ("catalog_name", Text),
            ("catalog_owner", Text),
            ("comment", Text),
            ("created", Time),
            ("created_by", Text),
            ("last_altered", Time),
            ("last_altered_by", Text),
        ],
    },
    Definition {
        name: "schemata",
        columns: &[
            ("catalog_name", Text),
            ("schema_name", Text),
            ("schema_owner", Text),
            ("comment", Text),
            ("created", Time),
            ("created_by", Text),
            ("last_altered", Time),
            ("last_altered_by", Text),
        ],
    },
    Definition {
        name: "tables",
        columns: &[
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("table_type", Text),
            ("is_insertable_into", Text),
            ("commit_action", Text),
            ("table_owner", Text),
            ("comment", Text),
            ("created", Time),
            ("created_by", Text),
            ("last_altered", Time),
            ("last_altered_by", Text),
            ("data_source_format", Text),
            ("storage_sub_directory", Text),
            ("storage_path", Text),
        ],
    },
    Definition {
        name: "columns",
        columns: &[
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("column_name", Text),
            ("ordinal_position", Int),
            ("column_default", Text),
            ("is_nullable", Text),
            ("full_data_type", Text),
            ("data_type", Text),
            ("character_maximum_length", Long),
            ("character_octet_length", Long),
            ("numeric_precision", Int),
            ("numeric_precision_radix", Int),
            ("numeric_scale", Int),
            ("datetime_precision", Int),
            ("interval_type", Text),
            ("interval_precision", Int),
            ("maximum_cardinality", Long),
            ("is_identity", Text),
            ("identity_generation", Text),
            ("identity_start", Text),
            ("identity_increment", Text),
            ("identity_maximum", Text),
            ("identity_minimum", Text),
            ("identity_cycle", Text),
            ("is_generated", Text),
            ("generation_expression", Text),
            ("is_system_time_period_start", Text),
            ("is_system_time_period_end", Text),
            ("system_time_period_timestamp_generation", Text),
            ("is_updatable", Text),
            ("partition_ordinal_position", Int),
            ("comment", Text),
        ],
    },
    Definition {
        name: "views",
        columns: &[
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("view_definition", Text),
            ("check_option", Text),
            ("is_updatable", Text),
            ("is_insertable_into", Text),
            ("sql_path", Text),
            ("is_materialized", Text),
        ],
    },
    Definition {
        name: "volumes",
        columns: &[
            ("volume_catalog", Text),
            ("volume_schema", Text),
            ("volume_name", Text),
            ("volume_type", Text),
            ("volume_owner", Text),
            ("comment", Text),
            ("storage_location", Text),
            ("created", Time),
            ("created_by", Text),
            ("last_altered", Time),
            ("last_altered_by", Text),
        ],
    },
    Definition {
        name: "routines",
        columns: &[
            ("specific_catalog", Text),
            ("specific_schema", Text),
            ("specific_name", Text),
            ("routine_catalog", Text),
            ("routine_schema", Text),
            ("routine_name", Text),
            ("routine_owner", Text),
            ("routine_type", Text),
            ("data_type", Text),
            ("full_data_type", Text),
            ("routine_body", Text),
            ("routine_definition", Text),
            ("external_name", Text),
            ("external_language", Text),
            ("parameter_style", Text),
            ("is_deterministic", Text),
            ("sql_data_access", Text),
            ("is_null_call", Text),
            ("sql_path", Text),
            ("security_type", Text),
            ("as_locator", Text),
            ("comment", Text),
            ("created", Time),
            ("created_by", Text),
            ("last_altered", Time),
            ("last_altered_by", Text),
        ],
    },
    Definition {
        name: "table_privileges",
        columns: &[
            ("grantor", Text),
            ("grantee", Text),
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("privilege_type", Text),
            ("is_grantable", Text),
            ("inherited_from", Text),
        ],
    },
    Definition {
        name: "schema_privileges",
        columns: &[
            ("grantor", Text),
            ("grantee", Text),
            ("catalog_name", Text),
            ("schema_name", Text),
            ("privilege_type", Text),
            ("is_grantable", Text),
            ("inherited_from", Text),
        ],
    },
    Definition {
        name: "catalog_privileges",
        columns: &[
            ("grantor", Text),
            ("grantee", Text),
            ("catalog_name", Text),
            ("privilege_type", Text),
            ("is_grantable", Text),
            ("inherited_from", Text),
        ],
    },
    Definition {
        name: "table_constraints",
        columns: &[
            ("constraint_catalog", Text),
            ("constraint_schema", Text),
            ("constraint_name", Text),
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("constraint_type", Text),
            ("is_deferrable", Text),
            ("initially_deferred", Text),
            ("enforced", Text),
            ("comment", Text),
        ],
    },
    Definition {
        name: "key_column_usage",
        columns: &[
            ("constraint_catalog", Text),
            ("constraint_schema", Text),
            ("constraint_name", Text),
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("column_name", Text),
            ("ordinal_position", Int),
            ("position_in_unique_constraint", Int),
        ],
    },
    Definition {
        name: "constraint_column_usage",
        columns: &[
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("column_name", Text),
            ("constraint_catalog", Text),
            ("constraint_schema", Text),
            ("constraint_name", Text),
        ],
    },
    Definition {
        name: "referential_constraints",
        columns: &[
            ("constraint_catalog", Text),
            ("constraint_schema", Text),
            ("constraint_name", Text),
            ("unique_constraint_catalog", Text),
            ("unique_constraint_schema", Text),
            ("unique_constraint_name", Text),
            ("match_option", Text),
            ("update_rule", Text),
            ("delete_rule", Text),
        ],
    },
    Definition {
        name: "catalog_tags",
        columns: &[("catalog_name", Text), ("tag_name", Text), ("tag_value", Text)],
    },
    Definition {
        name: "schema_tags",
        columns: &[
            ("catalog_name", Text),
            ("schema_name", Text),
            ("tag_name", Text),
            ("tag_value", Text),
        ],
    },
    Definition {
        name: "table_tags",
        columns: &[
            ("catalog_name", Text),
            ("schema_name", Text),
            ("table_name", Text),
            ("tag_name", Text),
            ("tag_value", Text),
        ],
    },
    Definition {
        name: "column_tags",
        columns: &[
            ("catalog_name", Text),
            ("schema_name", Text),
            ("table_name", Text),
            ("column_name", Text),
            ("tag_name", Text),
            ("tag_value", Text),
        ],
    },
    Definition {
        name: "volume_tags",
        columns: &[
            ("catalog_name", Text),
            ("schema_name", Text),
            ("volume_name", Text),
            ("tag_name", Text),
            ("tag_value", Text),
        ],
    },
    Definition {
        name: "column_masks",
        columns: &[
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("column_name", Text),
            ("mask_catalog", Text),
            ("mask_schema", Text),
            ("mask_name", Text),
            ("using_columns", Text),
        ],
    },
    Definition {
        name: "row_filters",
        columns: &[
            ("table_catalog", Text),
            ("table_schema", Text),
            ("table_name", Text),
            ("filter_catalog", Text),
            ("filter_schema", Text),
            ("filter_name", Text),
            ("target_columns", Text),
        ],
    },
];

/// The tables of an information schema as the catalog would list them.
pub fn table_infos(catalog: &str) -> Vec<TableInfo> {
    DEFINITIONS
        .iter()
        .map(|definition| TableInfo {
            name: definition.name.to_owned(),
            catalog_name: catalog.to_owned(),
            schema_name: "information_schema".to_owned(),
            full_name: format!("{catalog}.information_schema.{}", definition.name),
            table_type: "VIEW".to_owned(),
            owner: "System user".to_owned(),
            columns: columns(definition),
            ..Default::default()
        })
        .collect()
}

fn columns(definition: &Definition) -> Vec<ColumnInfo> {
    (0..)
        .zip(definition.columns)
        .map(|(position, (name, kind))| {
            let (type_name, type_text) = match kind {
                Kind::Text => ("STRING", "string"),
                Kind::Int => ("INT", "int"),
                Kind::Long => ("LONG", "bigint"),
                Kind::Time => ("TIMESTAMP", "timestamp"),
            };
            ColumnInfo {
                name: (*name).to_owned(),
                position,
                type_name: type_name.to_owned(),
                type_text: type_text.to_owned(),
                nullable: true,
                ..Default::default()
            }
        })
        .collect()
}
