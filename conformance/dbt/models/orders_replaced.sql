{{ config(
    materialized='incremental',
    incremental_strategy='replace_where',
    incremental_predicates=["day >= " ~ var('day')]
) }}
select id, amount, day from {{ ref('stg_orders') }}
{% if is_incremental() %}where day >= {{ var('day') }}{% endif %}
