/** Upload a file and make it a table: file, preview, table. */
import { useState } from 'react';
import type { PageProps } from '../../app/App';
import { Link, pathOf, useLocation } from '../../lib/router';
import { FileStep, type UploadedFile } from './FileStep';
import { chooseColumns, defaultOptions, type ColumnChoice, type FileOptions } from './load-sql';
import { PreviewStep } from './PreviewStep';
import { TableStep } from './TableStep';
import './upload.css';

function fromPath(path: string | null): UploadedFile | null {
  return path?.startsWith('/Volumes/') ? { path, name: path.split('/').at(-1) ?? path } : null;
}

export default function UploadPage(_: PageProps) {
  const { search } = useLocation();
  const [file, setFile] = useState<UploadedFile | null>(() => fromPath(search.get('file')));
  const [options, setOptions] = useState<FileOptions>(() => defaultOptions(file?.name ?? ''));
  const [columns, setColumns] = useState<ColumnChoice[] | null>(null);
  const place = { catalog: search.get('catalog') ?? '', schema: search.get('schema') ?? '' };
  const choose = (next: UploadedFile | null) => {
    setFile(next);
    setColumns(null);
    if (next) setOptions(defaultOptions(next.name));
  };
  return (
    <div className="page">
      <div className="page-inner upload">
        <nav className="crumbs" aria-label="Where you are">
          <Link to="/catalog">Catalogs</Link>
          {place.catalog && place.schema && (
            <Link to={pathOf('catalog', place.catalog, place.schema)}>
              {place.catalog}.{place.schema}
            </Link>
          )}
        </nav>
        <header className="page-head">
          <div>
            <h1>Upload data</h1>
            <p>A CSV, JSON or Parquet file goes to a volume, and becomes a Delta table.</p>
          </div>
        </header>
        <Step number={1} title="File" done={file !== null}>
          <FileStep file={file} place={place} onFile={choose} />
        </Step>
        <Step number={2} title="Preview and columns" done={columns !== null}>
          {file ? (
            <PreviewStep
              file={file}
              options={options}
              onOptions={(next) => {
                setOptions(next);
                setColumns(null);
              }}
              columns={columns}
              onColumns={setColumns}
              onLoaded={(loaded) => setColumns((old) => old ?? chooseColumns(loaded))}
            />
          ) : (
            <p className="muted step-wait">Comes once a file is uploaded.</p>
          )}
        </Step>
        <Step number={3} title="Table" done={false}>
          {file && columns ? (
            <TableStep key={file.path} file={file} options={options} columns={columns} place={place} onAgain={() => choose(null)} />
          ) : (
            <p className="muted step-wait">Comes with the preview.</p>
          )}
        </Step>
      </div>
    </div>
  );
}

interface StepProps {
  number: number;
  title: string;
  done: boolean;
  children: React.ReactNode;
}

function Step({ number, title, done, children }: StepProps) {
  return (
    <section className="card step" aria-label={`Step ${number}: ${title}`}>
      <div className="card-head">
        <span className={done ? 'step-number done' : 'step-number'}>{number}</span>
        <h2>{title}</h2>
      </div>
      {children}
    </section>
  );
}
