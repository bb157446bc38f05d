{{ config(materialized='table', on_schema_change='fail') }}
select id, name, credit from {{ ref('customers') }}
