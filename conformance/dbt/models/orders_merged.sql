{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='id',
    merge_with_schema_evolution=false,
    not_matched_by_source_action='delete',
    not_matched_by_source_condition='DBT_INTERNAL_DEST.status = "lost"'
) }}
select id, customer_id, day, amount, status from {{ ref('latest_orders') }}
{% if not is_incremental() %}
union all select 99, 1, 1, 0.00, 'lost'
{% endif %}
