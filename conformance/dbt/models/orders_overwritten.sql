{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='day') }}
select id, amount, day from {{ ref('stg_orders') }}
{% if is_incremental() %}where day = {{ var('day') }}{% endif %}
