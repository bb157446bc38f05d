CREATE TABLE seat (
    id BIGINT PRIMARY KEY,
    generation BIGINT NOT NULL
);
