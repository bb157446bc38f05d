/** The rows of one finished statement. Chunks are fetched when somebody looks at them. */
import { getChunk } from '../api/statements';
import type { ChunkInfo, ResultColumn, ResultData, Row, StatementResponse } from '../api/types';

type LoadChunk = (statementId: string, index: number) => Promise<ResultData>;

export class ResultSet {
  readonly statementId: string;
  readonly columns: readonly ResultColumn[];
  readonly rowCount: number;
  readonly truncated: boolean;
  /** The first chunk that could not be fetched, for the page to show. */
  error: unknown = null;

  private readonly chunks: readonly ChunkInfo[];
  private readonly rows = new Map<number, readonly Row[]>();
  private readonly loading = new Map<number, Promise<void>>();
  private readonly listeners = new Set<() => void>();
  private readonly load: LoadChunk;
  private changes = 0;

  constructor(response: StatementResponse, load: LoadChunk = getChunk) {
    const { manifest, result } = response;
    this.statementId = response.statement_id;
    this.load = load;
    this.columns = manifest?.schema.columns ?? [];
    this.truncated = manifest?.truncated ?? false;
    const first = result?.data_array ?? [];
    this.rowCount = manifest?.total_row_count ?? first.length;
    this.chunks = chunksOf(response, first.length);
    const index = result?.chunk_index ?? this.chunks[0]?.chunk_index;
    if (index !== undefined && result?.data_array) this.rows.set(index, first);
  }

  /** A row, or undefined while its chunk has not come. */
  row(index: number): Row | undefined {
    const chunk = this.chunkAt(index);
    return chunk && this.rows.get(chunk.chunk_index)?.[index - chunk.row_offset];
  }

  /** Fetches whatever of `from..to` is not here. Resolves when it is. */
  async ensure(from: number, to: number): Promise<void> {
    const wanted = this.chunks.filter(
      (chunk) => chunk.row_offset < to && chunk.row_offset + chunk.row_count > from && !this.rows.has(chunk.chunk_index),
    );
    await Promise.all(wanted.map((chunk) => this.fetch(chunk)));
  }

  /** Every row of the result; throws what stood in the way. */
  async all(): Promise<Row[]> {
    await this.ensure(0, this.rowCount);
    if (this.error !== null) throw this.error;
    return Array.from({ length: this.rowCount }, (_, index) => this.row(index)).filter((row) => row !== undefined);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  version = (): number => this.changes;

  retry(): void {
    this.error = null;
    this.changed();
  }

  private chunkAt(index: number): ChunkInfo | undefined {
    let low = 0;
    let high = this.chunks.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const chunk = this.chunks[middle];
      if (!chunk) return undefined;
      if (index < chunk.row_offset) high = middle - 1;
      else if (index >= chunk.row_offset + chunk.row_count) low = middle + 1;
      else return chunk;
    }
    return undefined;
  }

  private fetch(chunk: ChunkInfo): Promise<void> {
    const running = this.loading.get(chunk.chunk_index);
    if (running) return running;
    if (this.error !== null) return Promise.resolve();
    const work = this.load(this.statementId, chunk.chunk_index)
      .then((data) => {
        this.rows.set(chunk.chunk_index, data.data_array ?? []);
      })
      .catch((error: unknown) => {
        this.error = error;
      })
      .finally(() => {
        this.loading.delete(chunk.chunk_index);
        this.changed();
      });
    this.loading.set(chunk.chunk_index, work);
    return work;
  }

  private changed(): void {
    this.changes += 1;
    this.listeners.forEach((listener) => listener());
  }
}

function chunksOf(response: StatementResponse, firstLength: number): ChunkInfo[] {
  const listed = response.manifest?.chunks;
  if (listed && listed.length > 0) return [...listed].sort((a, b) => a.row_offset - b.row_offset);
  const row_count = response.manifest?.total_row_count ?? firstLength;
  return row_count > 0 ? [{ chunk_index: response.result?.chunk_index ?? 0, row_offset: 0, row_count }] : [];
}
