// Starts the page's parts; each part is a module of its own and asks the sandbox for what it shows.
import { startChat } from "/page/chat.js";
import { startBoard } from "/page/board.js";
import { startGateway } from "/page/gateway.js";
import { startOperator } from "/page/operator.js";
import { startTraces } from "/page/traces.js";
import { startViews } from "/page/views.js";

startChat();
startBoard();
startGateway();
startOperator();
startTraces();
startViews();
