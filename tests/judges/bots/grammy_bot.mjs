// A small bot of grammY: echoes texts, shows a button, answers its press.
import { createServer } from "node:http";
import { Bot, InlineKeyboard, webhookCallback } from "grammy";

const { BOT_TOKEN, TELEGRAM_API_BASE, MODE, PORT } = process.env;
const bot = new Bot(BOT_TOKEN, { client: { apiRoot: TELEGRAM_API_BASE } });
bot.command("start", (ctx) => ctx.reply("Hello", { reply_markup: new InlineKeyboard().text("Press", "pressed") }));
bot.callbackQuery("pressed", async (ctx) => {
  await ctx.answerCallbackQuery("thanks");
  await ctx.editMessageText("Pressed");
});
bot.on("message:text", (ctx) => ctx.reply(`You said: ${ctx.message.text}`));
if (MODE === "polling") {
  bot.start({ timeout: 5 });
} else {
  createServer(webhookCallback(bot, "http", { secretToken: "s3cret" })).listen(Number(PORT), "127.0.0.1", () =>
    bot.api.setWebhook(`http://127.0.0.1:${PORT}/hook`, { secret_token: "s3cret" }));
}
