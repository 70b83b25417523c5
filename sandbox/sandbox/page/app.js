// Starts the parts of the page; each is a module that polls the sandbox.
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
