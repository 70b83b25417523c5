// A small bot of Telegraf: echoes texts, shows a button, answers its press. Its first reply is the webhook's response.
import { Markup, Telegraf } from "telegraf";

const { BOT_TOKEN, TELEGRAM_API_BASE, MODE, PORT } = process.env;
const bot = new Telegraf(BOT_TOKEN, { telegram: { apiRoot: TELEGRAM_API_BASE, webhookReply: true } });
bot.start((ctx) => ctx.reply("Hello", Markup.inlineKeyboard([Markup.button.callback("Press", "pressed")])));
bot.action("pressed", async (ctx) => {
  await ctx.answerCbQuery("thanks");
  await ctx.editMessageText("Pressed");
});
bot.on("text", (ctx) => ctx.reply(`You said: ${ctx.message.text}`));
if (MODE === "polling") {
  bot.launch();
} else {
  // launch() requires a public domain, so its two halves are called one by one.
  await bot.telegram.setWebhook(`http://127.0.0.1:${PORT}/hook`, { secret_token: "s3cret" });
  bot.botInfo = await bot.telegram.getMe();
  bot.startWebhook("/hook", undefined, Number(PORT), "127.0.0.1", undefined);
}
