/** Query history: filters, the list, and one query in full. */
import type { PageProps } from '../../app/App';
import { HistoryList } from './HistoryList';
import { QueryDetail } from './QueryDetail';
import './history.css';

export default function HistoryPage({ params }: PageProps) {
  const id = params['id'];
  return (
    <div className="page">
      <div className="page-inner history">{id ? <QueryDetail key={id} id={id} /> : <HistoryList />}</div>
    </div>
  );
}
