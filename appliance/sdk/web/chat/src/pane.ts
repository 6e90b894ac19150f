/** What fills the main part of the page: a chat or a room. */
export interface Pane {
  /** What people call it. */
  readonly name: string;
  /** The account, the team's number or the room's name. */
  readonly title: string;
  /** Smaller, below the title; may be empty. */
  readonly subtitle: string;
  readonly body: HTMLElement;
  readonly foot: HTMLElement;
  focus(): void;
  /** The page has become visible. */
  shown(): void;
  /** Names or marks have changed. */
  refresh(): void;
  close(): void;
}
