// What the parts of the page know together: who is signed in, and names.

import type { Client, Files, Teams } from "../../src/index";
import type { Names } from "./names";
import type { TeamNames } from "./teamnames";

export interface People {
  client: Client;
  teams: Teams;
  files: Files;
  names: Names;
  teamNames: TeamNames;
}
