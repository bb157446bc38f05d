/** The last net: a page that failed to load or to draw says so and offers a way on. */
import { Component, type ReactNode } from 'react';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';

interface Props {
  children: ReactNode;
  /** A change of it clears the error, so that another page can be opened. */
  resetKey?: string;
}

interface State {
  error: Error | null;
}

export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override componentDidUpdate(before: Props): void {
    if (this.state.error && before.resetKey !== this.props.resetKey) this.setState({ error: null });
  }

  override render(): ReactNode {
    if (!this.state.error) return this.props.children;
    return (
      <div className="page">
        <div className="state error" role="alert">
          <Icon name="warning" />
          <h1>This page failed</h1>
          <p>{this.state.error.message}</p>
          <p>Reload it. Work in the SQL editor is kept in this browser.</p>
          <div className="actions">
            <Button variant="primary" icon="refresh" onClick={() => location.reload()}>
              Reload
            </Button>
          </div>
        </div>
      </div>
    );
  }
}
